--[[
requests -- send prepared requests, each thread its share of them; count the status of every answer.

    wrk ... -s requests.lua URL -- FILE THREADS COUNT

FILE     requests as they go over the wire, each after a line with its length in bytes
THREADS  as wrk was told with -t
COUNT    answers of all threads together after which they end, each request being sent once;
         0: until wrk's time is over, sending the requests over and over
A thread that has its answers says "finished"; wrk itself goes on until its time is over or it is
interrupted. At its end it says "found", and as JSON the answers by status, the seconds from the
first request to the last answer, p50 and p99 in ms, and errors of sockets.
]]

local ffi = require("ffi")
ffi.cdef([[
typedef struct { long s; long ns; } moment;
int clock_gettime(int clock, moment *now);
]])
local MONOTONIC = 1
local moment = ffi.new("moment")

local function now()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.s) + tonumber(moment.ns) / 1e9
end

-- In wrk's own thread.

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function done(summary, latency, _)
  local statuses, first, last = {}, math.huge, 0
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      statuses[status] = (statuses[status] or 0) + count
    end
    first = math.min(first, thread:get("began") or math.huge)
    last = math.max(last, thread:get("ended") or 0)
  end
  local counted, errors = {}, summary.errors
  for status, count in pairs(statuses) do
    counted[#counted + 1] = string.format('"%d":%d', status, count)
  end
  io.write(string.format(
    'found {"statuses":{%s},"errors":%d,"seconds":%.6f,"p50_ms":%.4f,"p99_ms":%.4f}\n',
    table.concat(counted, ","),
    errors.connect + errors.read + errors.write + errors.timeout,
    math.max(0, last - first),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000
  ))
end

-- In each thread.

statuses = {}
local requests, share, answered, nth = {}, 0, 0, 0
local tried  -- wrk asks the first thread for a request, to look at it, before it begins

function init(args)
  local file, all = assert(io.open(args[1], "rb")), tonumber(args[2])
  share = math.floor(tonumber(args[3]) / all)
  tried = number > 0
  local index = 0
  for length in file:lines() do
    local request = file:read(tonumber(length))
    if index % all == number then
      requests[#requests + 1] = request
    end
    index = index + 1
  end
  file:close()
  assert(#requests > 0, "no request for a thread")
end

function request()
  if not tried then
    tried = true
    return requests[1]
  end
  if not began then
    began = now()
  end
  nth = nth + 1
  if nth > #requests then
    assert(share == 0, "more requests than were prepared")
    nth = 1
  end
  return requests[nth]
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  answered = answered + 1
  ended = now()
  if answered == share then
    io.write("finished\n")
    io.flush()
    wrk.thread:stop()
  end
end
