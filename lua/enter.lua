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

local function new_place(visitor, lane)
  outlive_restart(room, now)
  local number = redis.call('HINCRBY', SETTINGS, 'last_number', 1)
  local at_once = admitting(room, now) and count_waiting(room) == 0 and room_left(room, now) > 0
  if at_once then
    room.level = room.level - UNIT
    admitted = admitted + 1
    -- The answer to this very request says ACTIVE, so the place is claimed already (A7).
    local expires = activate(room, visitor, number, now, deadline_now)
    return number, active_row(room, number, expires, now, deadline_now)
  end
  redis.call('ZADD', lane.key, string.format('%d', number), visitor)
  write_journal(visitor, room.generation, number, 'WAIT', now)
  return number, waiting_row(room, lane, visitor, number, now)
end

local rows = {}
for index = 3, #ARGV, 2 do
  local visitor, lane = ARGV[index], lane_named(ARGV[index + 1])
  local outcome = 'held'
  local number, row = live_place(room, visitor, now, deadline_now)
  local why = ''
  if not number then
    if not joinable then
      outcome = 'closed'
      why = room.state == 'closed' and redis.call('HGET', SETTINGS, 'closed_reason') or ''
    elseif redis.call('XLEN', JOURNAL) >= journal_max then
      outcome = 'busy'
    else
      outcome = 'new'
      number, row = new_place(visitor, lane)
    end
  end
  rows[#rows + 1] = row and { outcome, number, room.generation, unpack(row) } or { outcome, why }
end

if admitted > 0 then keep_rate(room) end
count_pace('all', admitted, now)
keep_clock(now)
local waiting, counts = count_waiting(room)
return { waiting, counts, rows }
