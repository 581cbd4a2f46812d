--[[
sell -- tell a room what is left of the seats it guards; one that ends with its sale goes by it.
Guarantees: a count that is older than the one known changes nothing, however late it comes. In a room that ends with its
  sale: while no seat is free and some are held nobody is admitted (A4), and from then on no more come in than seats are
  free, less those let in for them; when all seats are sold every token ends at once, through a new generation. It closes
  once: whoever opens it again has it open until a seat was free in between.
KEYS     the room's keys, in the order of fragments/room.lua
ARGV[1]  now_ms, '' for the store's clock
ARGV[2]  version of the count, never below that of an earlier one; '' when the room guards nothing that is on sale
ARGV[3]  available, seats
ARGV[4]  reserved
ARGV[5]  sold
ARGV[6]  dates, as they are shown; kept as they are
ARGV[7]  generation of the numbers that follow
ARGV[8+] number ... of those this script returned, whoever has a seat by now
Returns  {outcome, generation, by_seat, number ...}, outcome 'told' | 'closed' | 'old'; by_seat: 1 where seats decide who
         comes in; the numbers: some of those who were let in so and have no seat that was heard of; nil for an unknown room
]]
-- include: room
-- include: rate
-- include: places
-- include: sale

-- More than are ever of interest: with so many seats free the line goes on as the rate allows.
local MOST_NUMBERS = 500

local given_now, version, dates, generation = ARGV[1], ARGV[2], ARGV[6], tonumber(ARGV[7])
local seats = {
  version = tonumber(version), available = tonumber(ARGV[3]), reserved = tonumber(ARGV[4]), sold = tonumber(ARGV[5]),
}

local room = read_room()
if not room then return nil end
local now = read_clock(given_now, room.clock_ms)
local known = seats_known(room, now)

if version == '' then
  redis.call('UNLINK', CALLED)
  redis.call('HDEL', SETTINGS, 'seats', 'dates', 'sale_phase')
  keep_clock(now)
  if known then tell('settings') end
  return { 'told', room.generation, 0 }
end
if known and seats.version < known.version then return { 'old', room.generation, 0 } end

if generation == room.generation then
  for index = 8, #ARGV do redis.call('SREM', CALLED, ARGV[index]) end
end

local status, phase, closes = sale_status(seats), room.sale_phase or '', false
if room.ends_with_sale == 1 then
  -- Whoever was let in for a seat has it by now, or came too late.
  if seats.available == 0 then redis.call('UNLINK', CALLED) end
  if status == 'sold_out' then
    closes = phase ~= 'over' and room.state ~= 'closed'
    phase = 'over'
  elseif phase == 'over' then
    phase = seats.available > 0 and 'by_seat' or phase
  elseif status == 'held_out' then
    phase = 'by_seat'
  end
end

if closes then
  end_generation(room, 'sold_out', now)
  redis.call('HINCRBY', SETTINGS, 'version', 1)
  redis.call('HSET', SETTINGS, 'state', 'closed', 'closed_reason', 'sold_out', 'cap_grace', '0')
end
redis.call('HSET', SETTINGS, 'sale_phase', phase, 'seats', string.format('%d:%d:%d:%d:%d', now, seats.version,
  seats.available, seats.reserved, seats.sold))
if redis.call('HGET', SETTINGS, 'dates') ~= dates then redis.call('HSET', SETTINGS, 'dates', dates) end
keep_clock(now)
if closes or status ~= sale_status(known) then tell('settings') end
return {
  closes and 'closed' or 'told', room.generation, phase == 'by_seat' and 1 or 0,
  unpack(redis.call('SRANDMEMBER', CALLED, MOST_NUMBERS)),
}
