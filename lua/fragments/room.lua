--[[
room -- the room's keys, its settings and its clock. Every script starts with this.
]]
local SETTINGS, WAITING, SEEN, ACTIVE, CLAIMS, HOLDERS, ENDED, REASONS, JOURNAL, PACE, WAITING1, WAITING2, WAITING3, CALLED = unpack(KEYS)

-- Who waits, by the slot of the lane.
local LINES = { [0] = WAITING, WAITING1, WAITING2, WAITING3 }

-- A beat missing for longer than this is an outage: ten ticks of the admission loop.
local OUTAGE_MS = 2000

local FIELDS = {
  'generation', 'state', 'opens_at_ms', 'max_active', 'admit_per_minute', 'active_ttl_s',
  'claim_ttl_s', 'idle_ttl_s', 'clock_ms', 'heartbeat_ms', 'shift_ms', 'level', 'level_at_ms',
  'store_run', 'lanes', 'compensate_no_shows', 'returnable', 'paces', 'ends_with_sale', 'sale_phase',
  'seats',
}

-- Fields that are no numbers.
local WORDS = { state = true, store_run = true, lanes = true, paces = true, sale_phase = true, seats = true }

-- The lanes of 'name:weight:slot,...', in the operator's order. A room without lanes has one, which
-- has no name. A lane keeps its slot for as long as it has its name.
local function read_lanes(text)
  local lanes = {}
  for name, weight, slot in string.gmatch(text or '', '([^:,]+):(%d+):(%d)') do
    lanes[#lanes + 1] = { name = name, weight = tonumber(weight), slot = tonumber(slot) }
  end
  if #lanes == 0 then lanes[1] = { name = '', weight = 1, slot = 0 } end
  for _, lane in ipairs(lanes) do lane.key = LINES[lane.slot] end
  return lanes
end

-- The settings as a table, numbers as numbers; nil when there is no such room.
local function read_room()
  local values = redis.call('HMGET', SETTINGS, unpack(FIELDS))
  if not values[1] then return nil end
  local room = {}
  for index, field in ipairs(FIELDS) do
    room[field] = WORDS[field] and values[index] or tonumber(values[index] or nil)
  end
  room.lanes = read_lanes(room.lanes)
  return room
end

-- Who waits in each lane: {name, count, ...}, and in all of them.
local function count_waiting(room)
  local counts, total = {}, 0
  for _, lane in ipairs(room.lanes) do
    local count = redis.call('ZCARD', lane.key)
    total = total + count
    counts[#counts + 1], counts[#counts + 2] = lane.name, count
  end
  return total, counts
end

-- The store's time in ms, read once, never below the last time kept (S1); a test may give one.
local function read_clock(given, kept)
  local now = tonumber(given)
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return math.max(now, kept or 0)
end

-- The clock of deadlines: it stands still while the admission loop does, so that an outage evicts
-- nobody. Deadlines are kept in this time; admit.lua adds a finished outage to shift_ms.
local function deadline_clock(room, now)
  local gap = now - room.heartbeat_ms
  return now - room.shift_ms - (gap > OUTAGE_MS and gap or 0)
end

local function keep_clock(now)
  redis.call('HSET', SETTINGS, 'clock_ms', string.format('%d', now))
end

-- The store's name for its own run, another one after a restart or a failover; '' where it hides it.
local function store_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

-- A list goes into a command in parts: unpack() takes some thousands at most. Even, so that pairs stay
-- together.
local MOST_ARGUMENTS = 4000

local function part_of(list, first)
  return unpack(list, first, math.min(#list, first + MOST_ARGUMENTS - 1))
end

-- Run a command with all of a list; not at all where it is empty.
local function call_with(command, key, list)
  for first = 1, #list, MOST_ARGUMENTS do redis.call(command, key, part_of(list, first)) end
end

-- What a command answers for each of a list, in its order.
local function ask_each(command, key, list)
  if #list == 0 then return {} end
  if #list <= MOST_ARGUMENTS then return redis.call(command, key, unpack(list)) end
  local answers = {}
  for first = 1, #list, MOST_ARGUMENTS do
    for _, answer in ipairs(redis.call(command, key, part_of(list, first))) do answers[#answers + 1] = answer end
  end
  return answers
end

-- Tell whoever holds open streams of this room, at once. Who misses it asks within a second anyway.
local function tell(news)
  redis.call('PUBLISH', JOURNAL, news)
end
