--[[
places -- how one ends, what one looks like, and what one is promised.
]]

-- The promised poll interval rides in the fraction of a `seen` score: 1/1024 for each 64 ms, exact
-- in a double. It lets admit.lua know when a visitor promised to come back without a third zset.
local PROMISE_STEP_MS, PROMISE_STEPS = 64, 1024
local LONGEST_POLL_MS = 60000
local NEAR_POLL_MS, ACTIVE_POLL_MS = 1000, 10000

local function token_id(generation, number)
  return string.format('%d.%d', generation, number)
end

-- Totals since the room was made or reset: of admissions, and of ends by their reason.
local COUNTED = {
  'counted_admitted', 'counted_completed', 'counted_left', 'counted_idle', 'counted_unclaimed',
  'counted_timed_out', 'counted_revoked', 'counted_closed', 'counted_sold_out',
}

-- Pace is kept for an hour in slots of ten seconds, for each up to nine figures.
local PACE_SLOT_MS, PACE_SLOTS, PACE_FIELDS, PACE_LOOK = 10000, 360, 4000, 12

local function pace_field(slot, name)
  return string.format('%d.%s', slot, name)
end

-- The number of a waiting visitor and the lane; nil for who does not wait.
local function waiting_place(room, visitor)
  for _, lane in ipairs(room.lanes) do
    local number = tonumber(redis.call('ZSCORE', lane.key, visitor) or nil)
    if number then return number, lane end
  end
end

-- The number of a visitor's live place, without touching it.
local function live_number(room, visitor)
  return waiting_place(room, visitor) or tonumber(redis.call('HGET', HOLDERS, visitor) or nil)
end

-- Every change of a token goes to the journal in the script that makes it.
local function write_journal(visitor, generation, number, status, now, ...)
  redis.call('XADD', JOURNAL, '*', 'v', visitor, 'g', string.format('%d', generation),
    'n', string.format('%d', number), 's', status, 't', string.format('%d', now), ...)
end

-- More numbers than a store can give out in the seconds that it may lose.
local LOST_NUMBERS = 1000000

-- A store that ended badly has forgotten its last moments (an append-only file synced each second, a
-- replica that lagged), but what it gave out then is in the world. So its next run goes on far
-- above every number it can have given (O1, S2), and says so, for the table to be compared with it.
local function outlive_restart(room, now)
  if room.outlived then return end
  room.outlived = true
  local run = store_run()
  if run == room.store_run then return end
  local number = redis.call('HINCRBY', SETTINGS, 'last_number', LOST_NUMBERS)
  redis.call('HSET', SETTINGS, 'store_run', run)
  room.store_run = run
  write_journal('', room.generation, number, 'RESTORED', now)
end

-- Whether a place that is not claimed yet was let in by hand: admit.lua marks it by half a ms.
local function let_in_by_hand(visitor)
  local claim = tonumber(redis.call('ZSCORE', CLAIMS, visitor) or nil)
  return claim ~= nil and claim % 1 > 0
end

-- End a live place. Removals first: they free memory, and from then on a full Redis lets the
-- script finish instead of stopping it half way.
local function end_place(room, visitor, number, reason, now)
  -- Who took nothing of the rate gives nothing back.
  local gives_back = reason == 'unclaimed' and not let_in_by_hand(visitor)
  for _, lane in ipairs(room.lanes) do redis.call('ZREM', lane.key, visitor) end
  redis.call('ZREM', SEEN, visitor)
  redis.call('ZREM', ACTIVE, visitor)
  redis.call('ZREM', CLAIMS, visitor)
  redis.call('HDEL', HOLDERS, visitor)
  if room.sale_phase == 'by_seat' then redis.call('SREM', CALLED, string.format('%d', number)) end
  local id = token_id(room.generation, number)
  redis.call('ZADD', ENDED, string.format('%d', now), id)
  redis.call('HSET', REASONS, id, reason)
  redis.call('HINCRBY', SETTINGS, 'counted_' .. reason, 1)
  if gives_back then give_back(room, now) end
  write_journal(visitor, room.generation, number, 'EXPIRED', now, 'r', reason)
end

-- End every live place at once, and begin the next generation, which is above every one this room ever
-- had. Removals first, so that a full Redis does not refuse the script.
local function end_generation(room, reason, now)
  local ended = count_waiting(room) + redis.call('ZCARD', ACTIVE)
  redis.call('UNLINK', WAITING, WAITING1, WAITING2, WAITING3, SEEN, ACTIVE, CLAIMS, HOLDERS, CALLED)
  local id = string.format('%d', room.generation)
  redis.call('ZADD', ENDED, string.format('%d', now), id)
  redis.call('HSET', REASONS, id, reason)
  redis.call('HINCRBY', SETTINGS, 'counted_' .. reason, ended)
  -- One entry for all tokens of the generation: the table's reader ends them in one statement.
  write_journal('', room.generation, 0, 'CLOSED', now, 'r', reason)
  room.generation = math.max(room.generation + 1, now)
  redis.call('HSET', SETTINGS, 'generation', string.format('%d', room.generation))
end

-- Why an ACTIVE place is over by its deadlines, or nil. Whoever finds it over ends it there and
-- then: nobody may read EXPIRED and later ACTIVE.
local function over_by(expires, claim, deadline_now)
  if claim and claim <= deadline_now and claim <= expires then return 'unclaimed' end
  if expires <= deadline_now then return 'timed_out' end
end

-- The same of a visitor, and when the place ends.
local function overdue(visitor, deadline_now)
  local expires = tonumber(redis.call('ZSCORE', ACTIVE, visitor))
  return over_by(expires, tonumber(redis.call('ZSCORE', CLAIMS, visitor) or nil), deadline_now), expires
end

-- Nobody is told to come back later than after a third of idle or half of claim.
local function longest_poll(room)
  return math.min(room.idle_ttl_s * 1000 / 3, room.claim_ttl_s * 1000 / 2, LONGEST_POLL_MS)
end

-- When to ask again, in ms: up to 15 % earlier than `base`, so that a crowd spreads out.
local function poll_after(room, base, number, now)
  local jitter = ((number * 7919 + now) % 1000) / 1000
  return math.max(1, math.floor(math.min(base, longest_poll(room)) * (1 - 0.15 * jitter)))
end

-- Admissions from a lane per second of its line's moving, in the last two minutes; one more than was
-- seen, so that a line that stands still is expected to move again; nil where nothing was seen.
local function measured_pace(lane, now)
  local fields, last = {}, math.floor(now / PACE_SLOT_MS)
  for slot = last - PACE_LOOK + 1, last do
    fields[#fields + 1], fields[#fields + 2] = pace_field(slot, 'busy' .. lane.slot), pace_field(slot, lane.slot)
  end
  local found, busy_ms, admitted = redis.call('HMGET', PACE, unpack(fields)), 0, 0
  for index = 1, #found, 2 do
    busy_ms, admitted = busy_ms + (found[index] or 0), admitted + (found[index + 1] or 0)
  end
  return busy_ms > 0 and (admitted + 1) * 1000 / busy_ms or nil
end

-- The pace that `admit` measured last, since each poll would pay a third more for measuring it anew.
-- Where it did not for two minutes, the lane's share of the rate.
local function pace_per_s(room, lane, now)
  if not lane.per_s then
    local weights = 0
    for _, other in ipairs(room.lanes) do weights = weights + other.weight end
    lane.per_s = math.max(1, room.admit_per_minute / 60 * lane.weight / weights)
    for slot, per_s, at in string.gmatch(room.paces or '', '(%d):([%d.]+):(%d+)') do
      if tonumber(slot) == lane.slot and now - at < PACE_LOOK * PACE_SLOT_MS then lane.per_s = tonumber(per_s) end
    end
  end
  return lane.per_s
end
