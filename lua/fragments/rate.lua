--[[
rate -- the bucket that admissions are taken from.
]]

-- The bucket counts in 1/60000 of an admission: rate per minute x ms are whole numbers.
local UNIT = 60000

-- Burst is one second of the rate, at least one admission (A2, A3).
local function burst_level(rate)
  return math.max(UNIT, rate * 1000)
end

-- Fill the bucket up to now; and beside it, as fast and as far, what may be given back into it.
local function settle_rate(room, now)
  local earned, burst = (now - room.level_at_ms) * room.admit_per_minute, burst_level(room.admit_per_minute)
  room.level = math.min(burst, room.level + earned)
  room.returnable = math.min(burst, (room.returnable or 0) + earned)
  room.level_at_ms = now
end

local function keep_rate(room)
  redis.call('HSET', SETTINGS, 'level', string.format('%d', room.level),
    'returnable', string.format('%d', room.returnable),
    'level_at_ms', string.format('%d', room.level_at_ms))
end

-- A no-show gives its admission back to the rate, where the room compensates for them. The bucket
-- banks no more than its burst, and no more comes back than the rate gives: at most twice the rate.
local function give_back(room, now)
  if room.compensate_no_shows ~= 1 then return end
  settle_rate(room, now)
  if room.returnable < UNIT then return end
  room.returnable = room.returnable - UNIT
  room.level = math.min(burst_level(room.admit_per_minute), room.level + UNIT)
  keep_rate(room)
end
