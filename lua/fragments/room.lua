--[[
room -- the room's keys, its settings and its clock. Every script starts with this.
]]
local SETTINGS, WAITING, SEEN, ACTIVE, CLAIMS, HOLDERS, ENDED, REASONS, JOURNAL, PACE = unpack(KEYS)

-- A beat missing for longer than this is an outage: ten ticks of the admission loop.
local OUTAGE_MS = 2000

local FIELDS = {
  'generation', 'state', 'opens_at_ms', 'max_active', 'admit_per_minute', 'active_ttl_s',
  'claim_ttl_s', 'idle_ttl_s', 'clock_ms', 'heartbeat_ms', 'shift_ms', 'level', 'level_at_ms',
  'ended_at_ms', 'store_run',
}

-- Fields that are no numbers.
local WORDS = { state = true, store_run = true }

-- The settings as a table, numbers as numbers; nil when there is no such room.
local function read_room()
  local values = redis.call('HMGET', SETTINGS, unpack(FIELDS))
  if not values[1] then return nil end
  local room = {}
  for index, field in ipairs(FIELDS) do
    room[field] = WORDS[field] and values[index] or tonumber(values[index])
  end
  return room
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
