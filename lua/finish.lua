--[[
finish -- end live places for one reason: left, completed or revoked.
Guarantees: frees each place or slot exactly once (A6); a token whose place is another one by now ends nothing; tokens
  that end nothing change nothing, not even the time (O5).
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  reason
ARGV[3+] visitor, generation, number -- three for each token, any number of tokens
Returns  {1 | 0 ...}: for each token in turn, whether its place was live
]]
-- include: room
-- include: rate
-- include: places

local given_now, reason = ARGV[1], ARGV[2]

local room = read_room()
local now = room and read_clock(given_now, room.clock_ms)
local rows, ended = {}, {}
for index = 3, #ARGV, 3 do
  local visitor, generation, number = ARGV[index], tonumber(ARGV[index + 1]), tonumber(ARGV[index + 2])
  local live = room and generation == room.generation and live_number(room, visitor) == number
  if live then
    end_place(room, visitor, number, reason, now)
    ended[#ended + 1] = string.format('%d', number)
  end
  rows[#rows + 1] = live and 1 or 0
end
if #ended == 0 then return rows end

keep_clock(now)
tell('ended ' .. table.concat(ended, ' '))
return rows
