--[[
remove -- delete a closed room, with all of its keys.
Guarantees: only a room that is closed and whose journal was moved to the table is removed, so that nothing is lost; and
  not in the very ms of its generation, so that the next room of this name begins a later one (X1).
KEYS    the room's keys, in the order of fragments/room.lua
ARGV[1] now_ms, '' for the store's clock
Returns 'removed' | 'open' | 'busy' (ask again soon) | 'missing'
]]
-- include: room

local given_now = ARGV[1]

local room = read_room()
if not room then return 'missing' end
if room.state ~= 'closed' then return 'open' end
-- The clock that the next room of this name will begin with, which knows nothing of the one kept here.
if redis.call('XLEN', JOURNAL) > 0 or read_clock(given_now) <= room.generation then return 'busy' end
redis.call('UNLINK', SETTINGS, WAITING, WAITING1, WAITING2, WAITING3, SEEN, ACTIVE, CLAIMS, HOLDERS, ENDED, REASONS,
  JOURNAL, PACE, CALLED)
tell('settings')
return 'removed'
