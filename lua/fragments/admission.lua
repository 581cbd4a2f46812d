--[[
admission -- the move from WAIT to ACTIVE, and how many at which time.
]]

-- Paused, closed, before its opening, or while no seat is left to come in for, a room admits nobody
-- (A4).
local function admitting(room, now)
  return (room.state == 'open' or room.state == 'draining')
    and (not room.opens_at_ms or room.opens_at_ms <= now)
    and seats_left(room, now) > 0
end

-- How many may be admitted now by the cap (A1), and by cap, rate (A2) and seats.
local function slots_left(room)
  return math.max(0, room.max_active - redis.call('ZCARD', ACTIVE))
end

local function room_left(room, now)
  return math.min(slots_left(room), math.floor(room.level / UNIT), seats_left(room, now))
end

local function activate(room, visitor, number, now, deadline_now)
  local ttl_ms = room.active_ttl_s * 1000
  local expires = deadline_now + ttl_ms
  redis.call('ZADD', ACTIVE, string.format('%d', expires), visitor)
  redis.call('HSET', HOLDERS, visitor, string.format('%d', number))
  redis.call('HSET', SETTINGS, 'serving_number', string.format('%d', number))
  redis.call('HINCRBY', SETTINGS, 'counted_admitted', 1)
  if room.sale_phase == 'by_seat' then redis.call('SADD', CALLED, string.format('%d', number)) end
  -- With the evidence for A1: how many are ACTIVE now, under which cap.
  write_journal(visitor, room.generation, number, 'ACTIVE', now, 'd', string.format('%d', ttl_ms),
    'a', redis.call('ZCARD', ACTIVE), 'c', string.format('%d', room.max_active))
  return expires
end

-- Add to the running ten seconds: 'all' admissions, those from a lane's line, or the ms it was busy.
local function count_pace(field, amount, now)
  if amount <= 0 then return end
  local slot = math.floor(now / PACE_SLOT_MS)
  redis.call('HINCRBY', PACE, pace_field(slot, field), string.format('%d', amount))
  if redis.call('HLEN', PACE) > PACE_FIELDS then
    local old = {}
    for _, kept in ipairs(redis.call('HKEYS', PACE)) do
      if tonumber(string.match(kept, '^%d+')) <= slot - PACE_SLOTS then old[#old + 1] = kept end
    end
    redis.call('HDEL', PACE, unpack(old))
  end
end
