--[[
admission -- the rate bucket and the move from WAIT to ACTIVE.
]]

-- The bucket counts in 1/60000 of an admission: rate per minute x ms are whole numbers.
local UNIT = 60000
local PACE_SLOT_MS, PACE_SLOTS = 10000, 60

-- Burst is one second of the rate, at least one admission (A2, A3).
local function burst_level(rate)
  return math.max(UNIT, rate * 1000)
end

local function filled_level(room, now)
  local earned = (now - room.level_at_ms) * room.admit_per_minute
  return math.min(burst_level(room.admit_per_minute), room.level + earned)
end

local function keep_level(level, now)
  redis.call('HSET', SETTINGS, 'level', string.format('%d', level),
    'level_at_ms', string.format('%d', now))
end

-- Paused, draining to nobody, closed, or before its opening a room admits nobody (A4).
local function admitting(room, now)
  return (room.state == 'open' or room.state == 'draining')
    and (not room.opens_at_ms or room.opens_at_ms <= now)
end

-- How many may be admitted now by cap and rate (A1, A2).
local function room_left(room, level)
  return math.min(room.max_active - redis.call('ZCARD', ACTIVE), math.floor(level / UNIT))
end

local function activate(room, visitor, number, now, deadline_now)
  local ttl_ms = room.active_ttl_s * 1000
  local expires = deadline_now + ttl_ms
  redis.call('ZADD', ACTIVE, string.format('%d', expires), visitor)
  redis.call('HSET', HOLDERS, visitor, string.format('%d', number))
  redis.call('HSET', SETTINGS, 'serving_number', string.format('%d', number))
  -- With the evidence for A1: how many are ACTIVE now, under which cap.
  write_journal(visitor, room.generation, number, 'ACTIVE', now, 'd', string.format('%d', ttl_ms),
    'a', redis.call('ZCARD', ACTIVE), 'c', string.format('%d', room.max_active))
  return expires
end

-- Admissions per ten seconds of the last ten minutes, for pace and ETA.
local function count_pace(admitted, now)
  if admitted == 0 then return end
  local slot = math.floor(now / PACE_SLOT_MS)
  redis.call('HINCRBY', PACE, string.format('%d', slot), admitted)
  if redis.call('HLEN', PACE) > PACE_SLOTS then
    for _, old in ipairs(redis.call('HKEYS', PACE)) do
      if tonumber(old) <= slot - PACE_SLOTS then redis.call('HDEL', PACE, old) end
    end
  end
end
