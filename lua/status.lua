--[[
status -- what tokens are right now: WAIT with its position, ACTIVE with its end, or EXPIRED with its reason.
Guarantees: a token is compared with the live place by generation and number (X1), so one that ended stays EXPIRED
  after its visitor joined again; changes no order and no ACTIVE deadline (A7), but records `seen`, and the first
  ACTIVE answer is the claim; a deadline found passed ends the place at once.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2+] visitor, generation, number -- three for each token, any number of tokens
Returns  {waiting, {lane, waiting ...}, {{status, position, poll_after_ms, expires_at_ms, reason, lane} ...}};
         an unknown room: {0, {}, EXPIRED rows}
]]
-- include: room
-- include: rate
-- include: places
-- include: visits

local given_now = ARGV[1]

local room = read_room()
local rows = {}
if not room then
  for index = 2, #ARGV, 3 do rows[#rows + 1] = { 'EXPIRED', 0, ACTIVE_POLL_MS, 0, '', '' } end
  return { 0, {}, rows }
end
local now = read_clock(given_now, room.clock_ms)
local deadline_now = deadline_clock(room, now)

local visitors = {}
for index = 2, #ARGV, 3 do visitors[#visitors + 1] = ARGV[index] end
local places = look_up(room, visitors)
for index = 2, #ARGV, 3 do
  local visitor, generation, number = ARGV[index], tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2])
  local place, row = places[visitor], nil
  -- Another token's poll is no sign of life.
  if generation == room.generation and place and place.number == number then
    row = live_row(room, places, visitor, now, deadline_now)
  end
  rows[#rows + 1] = row or ended_row(room, generation, number, now)
end

keep_signs_of_life()
keep_clock(now)
local waiting, counts = count_waiting(room)
return { waiting, counts, rows }
