/**
 * The gate of a webhook, in Redis' own language: what says whether a request may go to it now. `open` is the time until
 * which its breaker keeps requests away, `probe` and `prober` the one that may try then, `tat` the theoretical arrival
 * time of its rate limit (GCRA), `ill` when it last failed, `well` when it last answered while jobs were parked,
 * `forgiven` since when alone a failure counts. `busy` holds the jobs under way with the time when they count no longer,
 * should their dispatcher have died; `out` those that were let out of the parking lot and have not begun, with the time
 * when they are let out again.
 */

/** The clock of Redis: dispatchers whose own ones differ agree on it. */
export const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/**
 * How many more requests a webhook gets that hangs: some are under way to it, the oldest for more than a second, and
 * nothing has come back for ten. Many that hang would together hold all that the dispatchers can do, long before their
 * breakers know: such a one gets one more every two seconds, until it answers. `good` is when it last did while one was
 * that old, `try` when it last got one all the same.
 */
const hanging = `
local function spare(gateKey, busyKey, now, leaseMs)
  local oldest = tonumber(redis.call('ZRANGEBYSCORE', busyKey, now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
  if not oldest or leaseMs == 0 or oldest - leaseMs > now - 1000 then return math.huge end
  local gate = redis.call('HMGET', gateKey, 'good', 'try')
  if redis.call('ZCOUNT', busyKey, now, '+inf') < 2 or now - tonumber(gate[1] or '0') < 10000 then return math.huge end
  if now - tonumber(gate[2] or '0') < 2000 then return 0 end
  redis.call('HSET', gateKey, 'try', now)
  redis.call('EXPIRE', gateKey, 86400)
  return 1
end

local function answered(gateKey, busyKey, now, leaseMs)
  local oldest = tonumber(redis.call('ZRANGEBYSCORE', busyKey, now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
  if not oldest or oldest - leaseMs > now - 1000 then return end
  redis.call('HSET', gateKey, 'good', now)
  redis.call('EXPIRE', gateKey, 86400)
end`

/**
 * Whether the request to a webhook that has been under way for longest began more than a second ago. Cheaper than to
 * find out whether it hangs, which this comes before: asked for each attempt, it is hardly ever so. One that counts no longer
 * is among them.
 */
export const slow = `
local function slow(busyKey, now, leaseMs)
  local oldest = tonumber(redis.call('ZRANGE', busyKey, '0', '0', 'WITHSCORES')[2])
  return oldest ~= nil and oldest - leaseMs <= now - 1000
end`

/**
 * Jobs that leave the parking lot of one webhook in a second at most, where they have piled up because it failed; more
 * where a fleet has many slots: so many for each request that may be under way.
 */
const releasedPerSecond = 100
const releasedPerPlace = 2
/** They leave by so many milliseconds' worth: one alone costs nearly as much as several together. */
const batchMs = 100
/** A look that comes late makes up for so much: whoever comes at that moment has to wait for all that leave at once. */
const burstMs = 200
/** After this a job that was let out and has not begun is let out again: the queue may never have heard of it. */
const outMs = 30_000
/** So long a place is kept for it. It may stand in a long line, and its webhook could do something else meanwhile. */
const keptMs = 1_000
/** A webhook that answers, and has not failed for so long, has more parked than it can take at once, and that is all. */
const illMs = 600_000
const wellMs = 5_000

/** Whether what is parked for a webhook waits for nothing but its turn: then it is neither held back nor put elsewhere. */
export const thrives = `
local function thrives(gateKey, now)
  local gate = redis.call('HMGET', gateKey, 'open', 'ill', 'well')
  return not gate[1] and now - tonumber(gate[2] or '0') > ${illMs} and now - tonumber(gate[3] or '0') < ${wellMs}
end`

/** Whether as many requests are under way as may be, those about to begin counted. */
export const full = `
local function full(busyKey, outKey, now, cap)
  if redis.call('ZCARD', busyKey) + redis.call('ZCARD', outKey) < cap then return false end
  return redis.call('ZCOUNT', busyKey, now, '+inf') + redis.call('ZCOUNT', outKey, now + ${outMs - keptMs}, '+inf') >= cap
end`

/**
 * Lets out of the parking lot what may go now, and notes when it is worth looking again. A job that was let out by a
 * dispatcher that died before the queue heard of it is let out again.
 */
export const release = `${hanging}${thrives}
local function release(keys, webhook, now, cap, rate, leaseMs, most)
  redis.call('ZREMRANGEBYSCORE', keys.busy, '-inf', '(' .. now)
  local out = redis.call('ZRANGEBYSCORE', keys.out, '-inf', '(' .. now, 'LIMIT', 0, 100)
  if #out > 0 then redis.call('ZREM', keys.out, unpack(out)) end
  local waiting = redis.call('ZCARD', keys.parked)
  if waiting == 0 then redis.call('ZREM', keys.parking, webhook) return out end
  local gate = redis.call('HMGET', keys.gate, 'open', 'probe', 'tat', 'out')
  local open, again = tonumber(gate[1]), now + 1000
  local room = math.min(most, waiting)
  if open then
    local closed = math.max(open, tonumber(gate[2] or '0'))
    if now < closed then redis.call('ZADD', keys.parking, closed, webhook) return out end
    room = 1
  else
    room = math.min(room, cap - redis.call('ZCARD', keys.busy) - redis.call('ZCARD', keys.out))
    local tat = math.max(tonumber(gate[3] or '0'), now)
    if rate > 0 then room = math.min(room, math.floor((now + 1000 - tat) * rate / 1000)) end
    local paced, pace = math.max(tonumber(gate[4] or '0'), now), math.huge
    if not thrives(keys.gate, now) then
      -- what has piled up comes out in a stream: all at once, the others would feel it
      pace = math.max(${releasedPerSecond}, cap * ${releasedPerPlace}) / 1000
      local free = math.floor((now + ${burstMs} - paced) * pace)
      if free < math.min(waiting, math.floor(${batchMs} * pace)) then free, again = 0, now + ${batchMs} end
      room = math.min(room, free)
    end
    if room > 0 then room = math.min(room, spare(keys.gate, keys.busy, now, leaseMs)) end
    if room > 0 then
      redis.call('HSET', keys.gate, 'out', paced + room / pace)
      if rate > 0 then redis.call('HSET', keys.gate, 'tat', tat + room * 1000 / rate) end
    end
  end
  if room > 0 then
    local popped = redis.call('ZPOPMIN', keys.parked, room)
    for i = 1, #popped, 2 do
      out[#out + 1] = popped[i]
      redis.call('ZADD', keys.out, now + ${outMs}, popped[i])
    end
    if open then redis.call('HSET', keys.gate, 'probe', now + ${outMs}, 'prober', popped[1]) end
  end
  redis.call('ZADD', keys.parking, room < waiting and again or now + ${outMs + 1}, webhook)
  return out
end`

/**
 * A job that is not under way any more: gives back its places, that of the one that tries included, and says which jobs
 * may run now: the next of its lane, and parked ones.
 */
export const leave = `${release}
local function leave(base, webhook, job, lane, member, now, cap, rate, leaseMs, good)
  local keys = {gate = base .. ':gate:' .. webhook, busy = base .. ':busy:' .. webhook, out = base .. ':out:' .. webhook,
    parked = base .. ':parked:' .. webhook, parking = base .. ':parking'}
  redis.call('ZREM', keys.busy, job)
  if redis.call('HGET', keys.gate, 'prober') == job then redis.call('HDEL', keys.gate, 'probe', 'prober') end
  local out = {}
  if member ~= '' then
    redis.call('ZREM', base .. ':lane:' .. lane, member)
    local head = redis.call('ZRANGE', base .. ':lane:' .. lane, 0, 0)[1]
    if head then out[1] = string.match(head, '/(.*)$') end
  end
  if redis.call('EXISTS', keys.parked) == 1 then
    -- parked while it was under way, by who took it for lost
    redis.call('ZREM', keys.parked, job)
    if good then redis.call('HSET', keys.gate, 'well', now) end
    for _, freed in ipairs(release(keys, webhook, now, cap, rate, leaseMs, 1000)) do out[#out + 1] = freed end
  end
  return out
end`
