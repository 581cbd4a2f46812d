--[[
admit -- end what is over, then let the next visitors in, as many as cap and rate allow.
Guarantees: never more than max_active ACTIVE (A1); never above the rate and its burst (A2, A3); nobody while paused,
  closed or before opening (A4); lower numbers first (O2); an idle head blocks nobody (A5); after an outage deadlines
  move by its length and nobody is idle for one idle_ttl_s; work per call is bounded by limit (S3).
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
ARGV[2] limit, of tokens ended for each reason and of tokens admitted
Returns {admitted, ended, outage_ms, more} -- more: 1 when limit left work undone; nil for an unknown room
]]
-- include: room
-- include: places
-- include: admission

local given_now, limit = ARGV[1], tonumber(ARGV[2])

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)

-- A finished outage moves every deadline by its length and lets the idle sweep rest.
local outage_ms = now - room.heartbeat_ms
if outage_ms <= OUTAGE_MS then outage_ms = 0 end
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
    end_place(room, visitor, tonumber(redis.call('ZSCORE', WAITING, visitor)), 'idle', now)
  end
  ended = ended + #idle
  if #idle == limit then more = 1 end
end

-- The claim deadline starts at the admission, or at the poll this visitor was promised, if later.
local function claim_deadline(seen)
  local promised = 0
  if seen then
    local at = math.floor(seen)
    promised = at + (seen - at) * PROMISE_STEPS * PROMISE_STEP_MS
  end
  return math.max(now, promised) + room.claim_ttl_s * 1000 - (now - deadline_now)
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

local admitted = 0
local level = filled_level(room, now)
if admitting(room, now) then
  local quota = math.min(room_left(room, level), limit)
  -- The sweep above ends idle visitors oldest first and in batches, so that the head may still be
  -- one: it is ended here and the next one takes its turn. Each round admits or ends somebody.
  local skips = 0
  while admitted < quota and skips < limit do
    local heads = redis.call('ZRANGE', WAITING, 0, quota - admitted - 1, 'WITHSCORES')
    if #heads == 0 then break end
    for index = 1, #heads, 2 do
      local visitor, number = heads[index], tonumber(heads[index + 1])
      local seen = tonumber(redis.call('ZSCORE', SEEN, visitor) or nil)
      if seen and math.floor(seen) <= idle_before and now >= idle_rest_until then
        end_place(room, visitor, number, 'idle', now)
        skips = skips + 1
      else
        redis.call('ZREM', WAITING, visitor)
        redis.call('ZREM', SEEN, visitor)
        activate(room, visitor, number, now, deadline_now)
        redis.call('ZADD', CLAIMS, string.format('%d', claim_deadline(seen)), visitor)
        admitted = admitted + 1
      end
    end
  end
  ended = ended + skips
  if skips >= limit then more = 1 end
  if admitted == limit then more = 1 end
end

-- Also where nobody joins, so that the table is compared soon.
outlive_restart(room, now)
redis.call('HSET', SETTINGS, 'heartbeat_ms', string.format('%d', now),
  'shift_ms', string.format('%d', room.shift_ms),
  'idle_rest_until_ms', string.format('%d', idle_rest_until))
keep_level(level - admitted * UNIT, now)
count_pace(admitted, now)
keep_clock(now)
return { admitted, ended, outage_ms, more }
