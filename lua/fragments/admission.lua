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

-- Let visitors in, in this order, by their numbers; returns when their places end.
local function activate(room, visitors, numbers, now, deadline_now)
  local ttl_ms = room.active_ttl_s * 1000
  local expires = deadline_now + ttl_ms
  local ends, holders, called = {}, {}, {}
  for index, visitor in ipairs(visitors) do
    called[index] = string.format('%d', numbers[index])
    ends[2 * index - 1], ends[2 * index] = expires, visitor
    holders[2 * index - 1], holders[2 * index] = visitor, called[index]
  end
  call_with('ZADD', ACTIVE, ends)
  call_with('HSET', HOLDERS, holders)
  redis.call('HSET', SETTINGS, 'serving_number', called[#called])
  redis.call('HINCRBY', SETTINGS, 'counted_admitted', #visitors)
  if room.sale_phase == 'by_seat' then call_with('SADD', CALLED, called) end
  -- With the evidence for A1: how many are ACTIVE then, under which cap.
  local before = redis.call('ZCARD', ACTIVE) - #visitors
  for index, visitor in ipairs(visitors) do
    write_journal(visitor, room.generation, numbers[index], 'ACTIVE', now, 'd', string.format('%d', ttl_ms),
      'a', string.format('%d', before + index), 'c', string.format('%d', room.max_active))
  end
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
