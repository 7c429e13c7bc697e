/**
 * What has to happen in Redis all at once, in its own language. A webhook's gate says whether a request may go to it now:
 * `open` is the time until which its breaker keeps requests away, `probe` and `prober` the one that may try then,
 * `tat` the theoretical arrival time of its rate limit (GCRA). `busy` holds the jobs under way with the time when they
 * count no longer, should their dispatcher have died; a job that was let out of the parking lot has its place there already.
 */

/** The clock of Redis: dispatchers whose own ones differ agree on it. */
const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/** Jobs that leave the parking lot of one webhook in a second at most. */
const releasedPerSecond = 200

/** Lets out of the parking lot what may go now, and notes when it is worth looking again. */
const release = `
local function release(keys, webhook, now, cap, rate, most)
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
    if room <= 0 then again = now + 100 end
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

/**
 * Looks, and notes that an attempt begins: none is marked as started that should not be made, none is made unmarked.
 * KEYS done registry outcomes gate busy lane event…
 * ARGV version job cap rate leaseMs laneMember entry… (no entry: only look)
 */
export const begin = `
if redis.call('EXISTS', KEYS[1]) == 1 then
  if ARGV[6] == '' then return {'done'} end
  redis.call('ZREM', KEYS[6], ARGV[6])
  local head = redis.call('ZRANGE', KEYS[6], 0, 0)[1]
  return {'done', head and string.match(head, '/(.*)$')}
end
local version = redis.call('GET', KEYS[2]) or '0'
if version ~= ARGV[1] then return {'stale', version} end
if #ARGV > 6 then
  ${clock}
  local job, cap, rate, lease, member = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), now + ARGV[5], ARGV[6]
  if member ~= '' then
    redis.call('ZADD', KEYS[6], 0, member)
    if redis.call('ZRANGE', KEYS[6], 0, 0)[1] ~= member then return {'behind'} end
  end
  local gate = redis.call('HMGET', KEYS[4], 'open', 'probe', 'prober', 'tat')
  local open = tonumber(gate[1])
  if open then
    if now < open then return {'closed'} end
    if gate[3] ~= job and now < tonumber(gate[2] or '0') then return {'closed'} end
    redis.call('HSET', KEYS[4], 'probe', lease, 'prober', job)
  elseif not redis.call('ZSCORE', KEYS[5], job) then
    redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', '(' .. now)
    if redis.call('ZCARD', KEYS[5]) >= cap then return {'full'} end
    if rate > 0 then
      local tat = math.max(tonumber(gate[4] or '0'), now)
      if tat - now >= 1000 then return {'closed'} end
      redis.call('HSET', KEYS[4], 'tat', tat + 1000 / rate)
    end
  end
  redis.call('ZADD', KEYS[5], lease, job)
  for i = 7, #ARGV do redis.call('XADD', KEYS[3], '*', 'o', ARGV[i]) end
end
local found = {'begun'}
for i = 7, #KEYS do found[i - 5] = redis.call('GET', KEYS[i]) end
return found`

/**
 * Notes how an attempt ended, moves the breaker, and says which jobs may run now.
 * KEYS outcomes done gate busy parked parking lane
 * ARGV webhook job verdict doneSeconds laneMember cap rate failures openMs openMaxMs closedMs entry…
 */
export const finish = `${release}
local keys = {gate = KEYS[3], busy = KEYS[4], parked = KEYS[5], parking = KEYS[6]}
${clock}
local webhook, job, verdict, member = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
for i = 12, #ARGV do redis.call('XADD', KEYS[1], '*', 'o', ARGV[i]) end
if ARGV[4] ~= '' then redis.call('SET', KEYS[2], '1', 'EX', ARGV[4]) end
redis.call('ZREM', keys.busy, job)
local out = {}
if member ~= '' then
  redis.call('ZREM', KEYS[7], member)
  local head = redis.call('ZRANGE', KEYS[7], 0, 0)[1]
  if head then out[1] = string.match(head, '/(.*)$') end
end
local gate = redis.call('HMGET', keys.gate, 'open', 'failures', 'since', 'seen', 'bad', 'trips')
local open = tonumber(gate[1])
if verdict == 'good' then
  if open then redis.call('HDEL', keys.gate, 'open', 'probe', 'prober', 'failures', 'since', 'seen', 'bad', 'trips')
  elseif gate[3] then
    redis.call('HSET', keys.gate, 'failures', 0)
    redis.call('HINCRBY', keys.gate, 'seen', 1)
  end
  open = nil
elseif verdict == 'bad' then
  local failures, seen, bad = tonumber(gate[2] or '0') + 1, tonumber(gate[4] or '0') + 1, tonumber(gate[5] or '0') + 1
  local since = tonumber(gate[3])
  if not since or now - since > 60000 then since, seen, bad = now, 1, 1 end
  redis.call('HSET', keys.gate, 'failures', failures, 'since', since, 'seen', seen, 'bad', bad)
  redis.call('EXPIRE', keys.gate, 86400)
  local threshold = tonumber(ARGV[8])
  local many = threshold > 0 and (failures >= threshold or (seen >= 2 * threshold and bad >= 0.7 * seen))
  if (many or open) and not (open and now < open) then
    local trips = tonumber(gate[6] or '0') + 1
    open = now + math.min(tonumber(ARGV[9]) * 2 ^ math.min(trips - 1, 30), tonumber(ARGV[10]))
    redis.call('HSET', keys.gate, 'open', open, 'trips', trips)
    redis.call('HDEL', keys.gate, 'probe', 'prober')
  end
  local asked = now + tonumber(ARGV[11])
  if asked > (open or now) then
    open = asked
    redis.call('HSET', keys.gate, 'open', open)
    redis.call('HDEL', keys.gate, 'probe', 'prober')
  end
elseif open then redis.call('HDEL', keys.gate, 'probe', 'prober') end
for _, freed in ipairs(release(keys, webhook, now, tonumber(ARGV[6]), tonumber(ARGV[7]), 2)) do out[#out + 1] = freed end
return out`

/**
 * Parks a job that the queue keeps as delayed; says it again at once should it be free to go by now.
 * KEYS gate busy parked parking · ARGV webhook job cap rate
 */
export const park = `${release}
local keys = {gate = KEYS[1], busy = KEYS[2], parked = KEYS[3], parking = KEYS[4]}
${clock}
redis.call('ZADD', keys.parked, now, ARGV[2])
redis.call('HSET', keys.gate, 'cap', ARGV[3], 'rate', ARGV[4])
return release(keys, ARGV[1], now, tonumber(ARGV[3]), tonumber(ARGV[4]), 1)`

/** Looks after one webhook for which jobs wait. KEYS gate busy parked parking · ARGV webhook cap */
export const look = `${release}
local keys = {gate = KEYS[1], busy = KEYS[2], parked = KEYS[3], parking = KEYS[4]}
${clock}
local limits = redis.call('HMGET', keys.gate, 'cap', 'rate')
return release(keys, ARGV[1], now, tonumber(limits[1] or ARGV[2]), tonumber(limits[2] or '0'), 1000)`
