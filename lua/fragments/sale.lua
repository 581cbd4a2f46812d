--[[
sale -- what a room knows of the seats it guards, and how many may come in for them.
]]

-- Figures that nobody renewed for longer than this say nothing any more: a booking API that is away
-- holds up no line.
local SALE_KEPT_MS = 10000

-- The last count of seats; nil where there is none, or none that still says anything.
local function seats_known(room, now)
  local at, version, available, reserved, sold = string.match(room.seats or '', '^(%d+):(%d+):(%d+):(%d+):(%d+)$')
  if not at or now - tonumber(at) > SALE_KEPT_MS then return nil end
  return {
    version = tonumber(version), available = tonumber(available), reserved = tonumber(reserved), sold = tonumber(sold),
  }
end

-- 'on_sale', also where no seat was loaded yet; 'held_out'; 'sold_out'; '' where nothing is known.
local function sale_status(seats)
  if not seats then return '' end
  if seats.available > 0 then return 'on_sale' end
  if seats.reserved > 0 then return 'held_out' end
  return seats.sold > 0 and 'sold_out' or 'on_sale'
end

-- How many more may come in: once all seats were held, one for each that is free, less those who were
-- let in since and neither have a seat nor are gone.
local function seats_left(room, now)
  local seats = room.sale_phase == 'by_seat' and seats_known(room, now)
  return seats and math.max(0, seats.available - redis.call('SCARD', CALLED)) or math.huge
end
