/**
 * The gate of a webhook, in Redis' own language: what says whether a request may go to it now. `open` is the time until
 * which its breaker keeps requests away, `probe` and `prober` the one that may try then, `tat` the theoretical arrival
 * time of its rate limit (GCRA). `busy` holds the jobs under way with the time when they count no longer, should their
 * dispatcher have died; a job that was let out of the parking lot has its place there already.
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
export const hanging = `
local function spare(gateKey, busyKey, now, leaseMs)
  local oldest = tonumber(redis.call('ZRANGE', busyKey, 0, 0, 'WITHSCORES')[2])
  if not oldest or leaseMs == 0 or oldest - leaseMs > now - 1000 then return math.huge end
  if oldest < now then
    redis.call('ZREMRANGEBYSCORE', busyKey, '-inf', '(' .. now)
    return spare(gateKey, busyKey, now, leaseMs)
  end
  local gate = redis.call('HMGET', gateKey, 'good', 'try')
  if redis.call('ZCARD', busyKey) < 2 or now - tonumber(gate[1] or '0') < 10000 then return math.huge end
  if now - tonumber(gate[2] or '0') < 2000 then return 0 end
  redis.call('HSET', gateKey, 'try', now)
  redis.call('EXPIRE', gateKey, 86400)
  return 1
end

local function answered(gateKey, busyKey, now, leaseMs)
  local oldest = tonumber(redis.call('ZRANGE', busyKey, 0, 0, 'WITHSCORES')[2])
  if not oldest or oldest - leaseMs > now - 1000 then return end
  redis.call('HSET', gateKey, 'good', now)
  redis.call('EXPIRE', gateKey, 86400)
end`

/** Jobs that leave the parking lot of one webhook in a second at most. */
const releasedPerSecond = 200

/** Lets out of the parking lot what may go now, and notes when it is worth looking again. */
export const release = `${hanging}
local function release(keys, webhook, now, cap, rate, leaseMs, most)
  local waiting = redis.call('ZCARD', keys.parked)
  if waiting == 0 then redis.call('ZREM', keys.parking, webhook) return {} end
  local gate = redis.call('HMGET', keys.gate, 'open', 'probe', 'tat', 'out')
  local open, again = tonumber(gate[1]), now + 1000
  local room = math.min(most, waiting)
  if open then
    local closed = math.max(open, tonumber(gate[2] or '0'))
    if now < closed then redis.call('ZADD', keys.parking, closed, webhook) return {} end
    room = 1
  else
    redis.call('ZREMRANGEBYSCORE', keys.busy, '-inf', '(' .. now)
    room = math.min(room, cap - redis.call('ZCARD', keys.busy))
    local tat = math.max(tonumber(gate[3] or '0'), now)
    if rate > 0 then room = math.min(room, math.floor((now + 1000 - tat) * rate / 1000)) end
    -- what has piled up comes out in a stream: all at once, the others would feel it
    local out = math.max(tonumber(gate[4] or '0'), now)
    room = math.min(room, math.floor((now + 100 - out) * ${releasedPerSecond} / 1000))
    if room <= 0 then again = now + 100
    else room = math.min(room, spare(keys.gate, keys.busy, now, leaseMs)) end
    if room > 0 then
      redis.call('HSET', keys.gate, 'out', out + room * 1000 / ${releasedPerSecond})
      if rate > 0 then redis.call('HSET', keys.gate, 'tat', tat + room * 1000 / rate) end
    end
  end
  local out = {}
  if room > 0 then
    local popped = redis.call('ZPOPMIN', keys.parked, room)
    for i = 1, #popped, 2 do
      out[#out + 1] = popped[i]
      redis.call('ZADD', keys.busy, now + 60000, popped[i])
    end
    if open then redis.call('HSET', keys.gate, 'probe', now + 60000, 'prober', out[1]) end
  end
  if #out < waiting then redis.call('ZADD', keys.parking, again, webhook) else redis.call('ZREM', keys.parking, webhook) end
  return out
end`
