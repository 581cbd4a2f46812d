--[[
remove -- delete a closed room, with all of its keys.
Guarantees: only a room that is closed and whose journal was moved to the table is removed, so that nothing is lost.
KEYS    the room's keys, in the order of fragments/room.lua
Returns 'removed' | 'open' | 'busy' (its journal is not empty) | 'missing'
]]
-- include: room

local state = redis.call('HGET', SETTINGS, 'state')
if not state then return 'missing' end
if state ~= 'closed' then return 'open' end
if redis.call('XLEN', JOURNAL) > 0 then return 'busy' end
redis.call('UNLINK', SETTINGS, WAITING, WAITING1, WAITING2, WAITING3, SEEN, ACTIVE, CLAIMS, HOLDERS, ENDED, REASONS,
  JOURNAL, PACE)
tell('settings')
return 'removed'
