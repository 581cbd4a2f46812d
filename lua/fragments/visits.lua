--[[
visits -- what the places of those who ask are right now. To ask is a sign of life: it records `seen`, or claims the
place. All who ask in one call are looked up, and recorded, in a few commands.
]]

-- The live places of some visitors, by visitor: {number, lane} of who waits; of who is ACTIVE {number,
-- expires, claim}, claim nil where the place is claimed.
local function look_up(room, visitors)
  local places, others, holders = {}, visitors, {}
  for _, lane in ipairs(room.lanes) do
    local numbers, elsewhere = ask_each('ZMSCORE', lane.key, others), {}
    for index, visitor in ipairs(others) do
      if numbers[index] then
        places[visitor] = { number = tonumber(numbers[index]), lane = lane }
      else
        elsewhere[#elsewhere + 1] = visitor
      end
    end
    others = elsewhere
  end
  local numbers = ask_each('HMGET', HOLDERS, others)
  for index, visitor in ipairs(others) do
    if numbers[index] then
      places[visitor] = { number = tonumber(numbers[index]) }
      holders[#holders + 1] = visitor
    end
  end
  local ends, claims = ask_each('ZMSCORE', ACTIVE, holders), ask_each('ZMSCORE', CLAIMS, holders)
  for index, visitor in ipairs(holders) do
    places[visitor].expires, places[visitor].claim = tonumber(ends[index]), tonumber(claims[index] or nil)
  end
  return places
end

-- Signs of life of this call: score, visitor ... for `seen`, and visitors who claim.
local seen, claiming = {}, {}

-- In a full Redis the first of them refuses a call in which anybody waits, before anything was written;
-- who is ACTIVE, and asks alone, is served.
local function keep_signs_of_life()
  call_with('ZADD', SEEN, seen)
  call_with('ZREM', CLAIMS, claiming)
end

-- Asks again after 1 s near the front, after about a tenth of the expected wait further back.
local function waiting_row(room, lane, position, visitor, number, now)
  local opens_in_ms = math.max(0, (room.opens_at_ms or 0) - now)
  local expected_ms = position / pace_per_s(room, lane, now) * 1000
  -- However slowly the line moves, the first few find out soon that it moved.
  local patience_ms = opens_in_ms / 10 + math.min(expected_ms / 10, (position - 1) * NEAR_POLL_MS)
  local poll = poll_after(room, NEAR_POLL_MS + patience_ms, number, now)
  seen[#seen + 1], seen[#seen + 2] = now + math.ceil(poll / PROMISE_STEP_MS) / PROMISE_STEPS, visitor
  return { 'WAIT', position, poll, 0, '', lane.name }
end

local function active_row(room, number, expires, now, deadline_now)
  local poll = poll_after(room, ACTIVE_POLL_MS, number, now)
  return { 'ACTIVE', 0, poll, expires + now - deadline_now, '', '' }
end

-- A token that is not live: with its own reason, else with that of its whole generation, for as long
-- as reasons are kept.
local function ended_row(room, generation, number, now)
  local reason = redis.call('HGET', REASONS, token_id(generation, number))
    or redis.call('HGET', REASONS, string.format('%d', generation))
  return { 'EXPIRED', 0, poll_after(room, ACTIVE_POLL_MS, number, now), 0, reason or '', '' }
end

-- What a visitor's place of `places` is right now; nil when there is none (any more).
local function live_row(room, places, visitor, now, deadline_now)
  local place = places[visitor]
  if not place then return nil end
  if place.lane then
    local position = place.position or redis.call('ZRANK', place.lane.key, visitor) + 1
    return waiting_row(room, place.lane, position, visitor, place.number, now)
  end
  local reason = over_by(place.expires, place.claim, deadline_now)
  if reason then
    end_place(room, visitor, place.number, reason, now)
    places[visitor] = nil
    return nil
  end
  claiming[#claiming + 1] = visitor
  return active_row(room, place.number, place.expires, now, deadline_now)
end
