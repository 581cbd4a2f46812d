--[[
configure -- create a room, or change its settings if nobody else did in between.
Guarantees: one version, one change (no lost update); the rate bucket is settled at the old rate first, so that a new
  rate banks nothing (A3); a shorter idle_ttl_s ends nobody who comes back when told to; closing or resetting ends every
  earlier token at once through a new generation, which is above every generation this room ever had, also after its
  store was lost.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  expected version; '*' any or none; 'none' only if the room does not exist
ARGV[3]  1 to end all tokens and forget all figures (reset), else 0
ARGV[4]  changes_count, of the field, value pairs that follow
ARGV[5+] field, value ... the changes, then field, value ... the defaults of a new room
Returns  {outcome, version}, outcome 'created' | 'changed' | 'conflict' | 'missing' | 'lane_busy'
Lanes come as 'name:weight,...' and are kept as 'name:weight:slot,...'.
]]
-- include: room
-- include: rate
-- include: places
-- include: sale
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

local closes = room and fields.state == 'closed' and room.state ~= 'closed'
local ends_all = closes or (room and reset)

local function busy(slot)
  return not ends_all and redis.call('ZCARD', LINES[slot]) > 0
end

-- Lanes keep their slots, and who waits there, by their names; the last one may get another name, as
-- it does where a room gets its first lanes. Other new ones get slots in which nobody waits. nil when
-- somebody waits in a lane that would be gone.
local function slotted(lanes)
  local before, slots, taken, declared = room and room.lanes or read_lanes(''), {}, {}, {}
  for _, lane in ipairs(before) do slots[lane.name] = lane.slot end
  for name, weight in string.gmatch(lanes, '([^:,]+):(%d+)') do
    declared[#declared + 1] = { name = name, weight = weight, slot = slots[name] }
    if slots[name] then taken[slots[name]] = true end
  end
  local last, last_before = declared[#declared], before[#before]
  if not last then
    taken[0] = true
  elseif not last.slot and not taken[last_before.slot] then
    last.slot, taken[last_before.slot] = last_before.slot, true
  end
  local free = {}
  for slot = 0, #LINES do
    if not taken[slot] then
      if busy(slot) then return nil end
      free[#free + 1] = slot
    end
  end
  for index, lane in ipairs(declared) do
    local slot = lane.slot or table.remove(free, 1)
    declared[index] = string.format('%s:%s:%d', lane.name, lane.weight, slot)
  end
  return table.concat(declared, ',')
end

if fields.lanes then
  fields.lanes = slotted(fields.lanes)
  if not fields.lanes then return { 'lane_busy', tonumber(version) } end
  fields.lane_credits = ''
end

local stamp = string.format('%d', now)
local rate = tonumber(fields.admit_per_minute or room.admit_per_minute)
local level, returnable = burst_level(rate), 0
if room then
  settle_rate(room, now)
  level, returnable = room.level, room.returnable
end
fields.level, fields.level_at_ms, fields.clock_ms = string.format('%d', level), stamp, stamp
fields.returnable = string.format('%d', returnable)

if not room then
  fields.generation = string.format('%d', math.max(1, now))
  fields.heartbeat_ms, fields.shift_ms, fields.last_number, fields.serving_number = stamp, '0', '0', '0'
  fields.store_run = store_run()
elseif ends_all then
  end_generation(room, 'closed', now)
  if reset then
    -- Nothing of a rehearsal is left in the figures, and the first visitor is number 1.
    redis.call('DEL', PACE)
    redis.call('HDEL', SETTINGS, unpack(COUNTED))
    fields.lane_credits, fields.paces = '', ''
    fields.serving_number, fields.last_number = '0', '0'
    fields.counted_from = string.format('%d', room.generation)
  end
end
if closes then fields.closed_reason = 'closed' end
-- Who wants no end with the sale wants none of what came of it; asked for anew, it begins anew.
if room and fields.ends_with_sale == '0' then
  redis.call('UNLINK', CALLED)
  fields.sale_phase = ''
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
tell('settings')
return { room and 'changed' or 'created', tonumber(fields.version) }
