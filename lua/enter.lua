--[[
enter -- give visitors a place, or find the one they hold.
Guarantees: one visitor, one live place (O4); numbers only grow (O1); ACTIVE at once only for an empty line
  with cap and rate left (A1, A2, A5); a refused visitor consumes nothing (O5).
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  journal_max, entries; a longer journal refuses new places until it was moved to the table
ARGV[3+] visitor, lane ... two for each, any number; whoever's lane the room does not have goes to its last one
Returns  {waiting, {lane, waiting ...}, {{outcome, number, generation, status, position, poll_after_ms, expires_at_ms,
         reason, lane} ...}}, outcome 'new' | 'held', or {'closed', why}, {'busy', ''};
         nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places
-- include: visits
-- include: sale
-- include: admission

local given_now, journal_max = ARGV[1], tonumber(ARGV[2])

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)
local deadline_now = deadline_clock(room, now)
local joinable = room.state == 'open' or room.state == 'paused'
local admitted = 0
settle_rate(room, now)

local function lane_named(name)
  for _, lane in ipairs(room.lanes) do
    if lane.name == name then return lane end
  end
  return room.lanes[#room.lanes]
end

local visitors, rows = {}, {}
for index = 3, #ARGV, 2 do visitors[#visitors + 1] = ARGV[index] end
local places = look_up(room, visitors)
local entries, last_number = redis.call('XLEN', JOURNAL), nil
-- Who gets in line in this call, behind all who wait there; written down together at its end, also in the
-- journal, after the places that this call found ended.
local newcomers = {}

local function next_number()
  if not last_number then
    outlive_restart(room, now)
    last_number = tonumber(redis.call('HGET', SETTINGS, 'last_number'))
  end
  last_number, entries = last_number + 1, entries + 1
  return last_number
end

local function new_place(visitor, lane)
  local number = next_number()
  local at_once = #newcomers == 0 and admitting(room, now) and count_waiting(room) == 0 and room_left(room, now) > 0
  if at_once then
    room.level = room.level - UNIT
    admitted = admitted + 1
    -- The answer to this very request says ACTIVE, so the place is claimed already (A7).
    return { number = number, expires = activate(room, { visitor }, { number }, now, deadline_now) }
  end
  lane.entering = lane.entering or { waiting = redis.call('ZCARD', lane.key) }
  local place = { number = number, lane = lane, position = lane.entering.waiting + #lane.entering / 2 + 1 }
  lane.entering[#lane.entering + 1], lane.entering[#lane.entering + 2] = number, visitor
  newcomers[#newcomers + 1] = visitor
  return place
end

local function write_newcomers()
  if last_number then redis.call('HSET', SETTINGS, 'last_number', string.format('%d', last_number)) end
  for _, lane in ipairs(room.lanes) do call_with('ZADD', lane.key, lane.entering or {}) end
  for _, visitor in ipairs(newcomers) do
    write_journal(visitor, room.generation, places[visitor].number, 'WAIT', now)
  end
end

for index, visitor in ipairs(visitors) do
  local known = places[visitor]
  local row, outcome, why = live_row(room, places, visitor, now, deadline_now), 'held', ''
  if not row then
    if known then entries = entries + 1 end  -- it has just ended
    if not joinable then
      outcome = 'closed'
      why = room.state == 'closed' and redis.call('HGET', SETTINGS, 'closed_reason') or ''
    elseif entries >= journal_max then
      outcome = 'busy'
    else
      outcome = 'new'
      places[visitor] = new_place(visitor, lane_named(ARGV[2 * index + 2]))
      row = live_row(room, places, visitor, now, deadline_now)
    end
  end
  rows[index] = row and { outcome, places[visitor].number, room.generation, unpack(row) } or { outcome, why }
end

write_newcomers()
keep_signs_of_life()
if admitted > 0 then keep_rate(room) end
count_pace('all', admitted, now)
keep_clock(now)
local waiting, counts = count_waiting(room)
return { waiting, counts, rows }
