--[[
admit -- end what is over, then let the next visitors in, as many as cap and rate allow.
Guarantees: never more than max_active ACTIVE (A1); never above the rate and its burst (A2, A3), unless by hand; nobody
  while paused, closed, before opening or while all seats are held (A4); lower numbers first in each lane (O2), lanes in
  turn by their weights; an idle head blocks nobody (A5); after an outage deadlines move by its length and nobody is idle for one idle_ttl_s;
  work per call is bounded by limit (S3).
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
ARGV[2] limit, of tokens ended for each reason and of tokens admitted
ARGV[3] by_hand, how many an operator lets in whatever the rate; '' for the loop
Returns {admitted, ended, outage_ms, more, live} -- more: 1 when limit left work undone; live: WAIT and ACTIVE places;
        nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places
-- include: sale
-- include: admission

local given_now, limit, by_hand = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)

-- A finished outage moves every deadline by its length and lets the idle sweep rest.
local outage_ms = now - room.heartbeat_ms
if outage_ms <= OUTAGE_MS then outage_ms = 0 end
local deadlines_moved = outage_ms > 0 and redis.call('ZCARD', ACTIVE) > 0
local beat_ms = now - room.heartbeat_ms
room.shift_ms, room.heartbeat_ms = room.shift_ms + outage_ms, now
local idle_rest_until = tonumber(redis.call('HGET', SETTINGS, 'idle_rest_until_ms') or 0)
if outage_ms > 0 then idle_rest_until = math.max(idle_rest_until, now + room.idle_ttl_s * 1000) end
local deadline_now = deadline_clock(room, now)

local ended, more = 0, 0

-- End at most limit ACTIVE places whose deadline in `key` has passed; frees slots before they are given out.
local function end_overdue(key)
  local over = redis.call('ZRANGEBYSCORE', key, '-inf', string.format('%d', deadline_now), 'LIMIT', 0, limit)
  for _, visitor in ipairs(over) do
    local number, reason = tonumber(redis.call('HGET', HOLDERS, visitor)), overdue(visitor, deadline_now)
    end_place(room, visitor, number, reason, now)
  end
  ended = ended + #over
  if #over == limit then more = 1 end
end

local idle_before = now - room.idle_ttl_s * 1000
-- A score carries its promise as a fraction, hence the open bound one ms up.
local idle_bound = string.format('(%d', idle_before + 1)

local function end_idle()
  if now < idle_rest_until then return end
  local idle = redis.call('ZRANGEBYSCORE', SEEN, '-inf', idle_bound, 'LIMIT', 0, limit)
  for _, visitor in ipairs(idle) do
    end_place(room, visitor, waiting_place(room, visitor), 'idle', now)
  end
  ended = ended + #idle
  if #idle == limit then more = 1 end
end

-- The claim deadline starts at the admission, or at the poll this visitor was promised, if later. Half
-- a ms less marks who came in by hand; it changes no comparison with whole ones.
local function claim_deadline(seen)
  local promised = 0
  if seen then
    local at = math.floor(seen)
    promised = at + (seen - at) * PROMISE_STEPS * PROMISE_STEP_MS
  end
  local deadline = math.max(now, promised) + room.claim_ttl_s * 1000 - (now - deadline_now)
  return string.format('%.1f', by_hand and deadline - 0.5 or deadline)
end

local function forget_ended()
  local old = redis.call('ZRANGEBYSCORE', ENDED, '-inf', string.format('%d', now - 900000), 'LIMIT', 0, limit)
  for _, id in ipairs(old) do
    redis.call('ZREM', ENDED, id)
    redis.call('HDEL', REASONS, id)
  end
end

-- Removals come first: in a full Redis they are allowed, and what they free lets the rest through.
end_overdue(CLAIMS)
end_overdue(ACTIVE)
end_idle()
forget_ended()

settle_rate(room, now)
local admitted, skips, quota, moves = 0, 0, 0, admitting(room, now)
-- Where seats decide who comes in, the line says nothing of its pace.
local by_seat = seats_left(room, now) < count_waiting(room)
if moves then
  quota = by_hand and math.min(slots_left(room), by_hand) or room_left(room, now)
  quota = math.min(quota, limit)
end

-- A turn in the unit of credits.
local ONE_TURN, credits = 1000000, {}
if #room.lanes > 1 then
  for slot, credit in string.gmatch(redis.call('HGET', SETTINGS, 'lane_credits') or '', '(%d):(-?%d+)') do
    credits[tonumber(slot)] = tonumber(credit)
  end
end
for _, lane in ipairs(room.lanes) do
  lane.credit, lane.chosen, lane.heads, lane.next = credits[lane.slot] or 0, {}, {}, 1
  lane.lined_up = redis.call('ZCARD', lane.key) > 0
end

-- Find who is next in a lane, where one is left. The sweep above ends idle visitors oldest first and in
-- batches, so that the head may still be one: it is ended here, and the next one comes.
local function find_head(lane)
  while skips < limit do
    if lane.next > #lane.heads then
      -- Behind those who were chosen from it, and stand there until the end of this call.
      local next = redis.call('ZRANGE', lane.key, #lane.chosen, #lane.chosen + quota - admitted - 1, 'WITHSCORES')
      if #next == 0 then return end
      lane.heads, lane.numbers, lane.next = {}, {}, 1
      for index = 1, #next, 2 do
        lane.heads[#lane.heads + 1], lane.numbers[#lane.numbers + 1] = next[index], tonumber(next[index + 1])
      end
      lane.seen = ask_each('ZMSCORE', SEEN, lane.heads)
    end
    local visitor, number = lane.heads[lane.next], lane.numbers[lane.next]
    local seen = tonumber(lane.seen[lane.next] or nil)
    lane.next = lane.next + 1
    if not seen or math.floor(seen) > idle_before or now < idle_rest_until then
      lane.visitor, lane.number, lane.claim = visitor, number, claim_deadline(seen)
      return
    end
    end_place(room, visitor, number, 'idle', now)
    skips = skips + 1
  end
end

-- Whose turn it is: smooth weighted round robin over the lanes in which somebody waits. Credits count
-- admissions, not weights, so that they mean the same whichever lanes are busy; an empty one has none.
local function next_lane()
  local weights, given, chosen = 0, 0, nil
  for _, lane in ipairs(room.lanes) do
    if not lane.visitor then find_head(lane) end
    if lane.visitor then weights = weights + lane.weight end
  end
  -- Where idle heads took all of this call, some lanes were not looked at: it is the next call's turn.
  if skips >= limit then return nil end
  for _, lane in ipairs(room.lanes) do
    if lane.visitor then
      local share = math.floor(lane.weight * ONE_TURN / weights)
      lane.credit, given = lane.credit + share, given + share
      if not chosen or lane.credit > chosen.credit then chosen = lane end
    else
      lane.credit = 0
    end
  end
  if chosen then chosen.credit = chosen.credit - given end
  return chosen
end

local visitors, numbers, claims = {}, {}, {}
while admitted < quota do
  local lane = next_lane()
  if not lane then break end
  admitted = admitted + 1
  visitors[admitted], numbers[admitted] = lane.visitor, lane.number
  claims[2 * admitted - 1], claims[2 * admitted] = lane.claim, lane.visitor
  lane.chosen[#lane.chosen + 1] = lane.visitor
  lane.visitor, lane.last = nil, lane.number
end
if admitted > 0 then
  for _, lane in ipairs(room.lanes) do call_with('ZREM', lane.key, lane.chosen) end
  call_with('ZREM', SEEN, visitors)
  activate(room, visitors, numbers, now, deadline_now)
  call_with('ZADD', CLAIMS, claims)
end
ended = ended + skips
if skips >= limit or (admitted == limit and not by_hand) then more = 1 end

-- Also where nobody joins, so that the table is compared soon.
outlive_restart(room, now)
redis.call('HSET', SETTINGS, 'heartbeat_ms', string.format('%d', now),
  'shift_ms', string.format('%d', room.shift_ms),
  'idle_rest_until_ms', string.format('%d', idle_rest_until))
if deadlines_moved then write_journal('', room.generation, 0, 'MOVED', now) end
if not by_hand then room.level = room.level - admitted * UNIT end
keep_rate(room)

-- A line moves, or could: time in which nobody waits there, or nobody may come in, says nothing of its
-- pace.
local moved_ms, news, turns = moves and not by_seat and outage_ms == 0 and beat_ms or 0, {}, {}
for _, lane in ipairs(room.lanes) do
  if not by_seat then count_pace(lane.slot, #lane.chosen, now) end
  if lane.lined_up then count_pace('busy' .. lane.slot, moved_ms, now) end
  turns[#turns + 1] = string.format('%d:%d', lane.slot, lane.credit)
  if lane.last then news[#news + 1] = string.format('%d:%d', lane.slot, lane.last) end
end
if #room.lanes > 1 then redis.call('HSET', SETTINGS, 'lane_credits', table.concat(turns, ',')) end
count_pace('all', admitted, now)
local paces = {}
for _, lane in ipairs(room.lanes) do
  local per_s = lane.lined_up and measured_pace(lane, now)
  if per_s then paces[#paces + 1] = string.format('%d:%.6f:%d', lane.slot, per_s, now) end
end
if #paces > 0 then redis.call('HSET', SETTINGS, 'paces', table.concat(paces, ',')) end
keep_clock(now)
if admitted > 0 then tell('admitted ' .. table.concat(news, ' ')) end
return { admitted, ended, outage_ms, more, count_waiting(room) + redis.call('ZCARD', ACTIVE) }
