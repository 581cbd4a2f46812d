--[[
configure -- create a room, or change its settings if nobody else did in between.
Guarantees: one version, one change (no lost update); the rate bucket is settled at the old rate first, so that a new
  rate banks nothing (A3); a shorter idle_ttl_s ends nobody who comes back when told to; closing or resetting ends every
  earlier token at once through a new generation, which is above every generation this room ever had, also after its
  store was lost.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  expected version; '*' any or none; 'none' only if the room does not exist
ARGV[3]  1 to end all tokens (reset), else 0
ARGV[4]  changes_count, of the field, value pairs that follow
ARGV[5+] field, value ... the changes, then field, value ... the defaults of a new room
Returns  {outcome, version}, outcome 'created' | 'changed' | 'conflict' | 'missing'
]]
-- include: room
-- include: places
-- include: admission

local given_now, expected, reset, changes_count = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])

local version = redis.call('HGET', SETTINGS, 'version')
if not version and expected ~= '*' and expected ~= 'none' then return { 'missing', 0 } end
if version and expected ~= '*' and expected ~= version then return { 'conflict', tonumber(version) } end

local room = read_room()
local now = read_clock(given_now, room and room.clock_ms)
local fields = {}
if not room then
  for index = 5 + 2 * changes_count, #ARGV, 2 do fields[ARGV[index]] = ARGV[index + 1] end
end
for index = 5, 4 + 2 * changes_count, 2 do fields[ARGV[index]] = ARGV[index + 1] end

local stamp = string.format('%d', now)
local rate = tonumber(fields.admit_per_minute or room.admit_per_minute)
local level = room and filled_level(room, now) or burst_level(rate)
fields.level, fields.level_at_ms, fields.clock_ms = string.format('%d', level), stamp, stamp

local closes = room and fields.state == 'closed' and room.state ~= 'closed'
if not room then
  fields.generation = string.format('%d', math.max(1, math.floor(now / 1000)))
  fields.heartbeat_ms, fields.shift_ms, fields.last_number, fields.serving_number = stamp, '0', '0', '0'
  fields.store_run = store_run()
elseif closes or reset then
  redis.call('UNLINK', WAITING, SEEN, ACTIVE, CLAIMS, HOLDERS)
  -- One entry for all tokens of the generation: the table's reader ends them in one statement.
  write_journal('', room.generation, 0, 'CLOSED', now, 'r', 'closed')
  fields.generation = string.format('%d', math.max(room.generation + 1, math.floor(now / 1000)))
  fields.ended_at_ms = stamp
end
-- Who was told to come back later than a new, shorter time of silence may do so: the idle sweep rests.
local idle_ttl_s = tonumber(fields.idle_ttl_s or room.idle_ttl_s)
if room and idle_ttl_s < room.idle_ttl_s then
  local rest = now + math.floor(longest_poll(room)) + idle_ttl_s * 1000
  local kept = tonumber(redis.call('HGET', SETTINGS, 'idle_rest_until_ms') or 0)
  fields.idle_rest_until_ms = string.format('%d', math.max(kept, rest))
end
-- Lowering the cap expels nobody; A1 is judged against those who were ACTIVE then.
local active = redis.call('ZCARD', ACTIVE)
local cap = tonumber(fields.max_active or room.max_active)
fields.cap_grace = string.format('%d', active > cap and active or 0)
fields.version = string.format('%d', (tonumber(version) or 0) + 1)

for field, value in pairs(fields) do redis.call('HSET', SETTINGS, field, value) end
return { room and 'changed' or 'created', tonumber(fields.version) }
