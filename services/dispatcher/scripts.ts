import { clock, full, leave, release, slow, thrives } from './gate.ts'

/** What has to happen in Redis all at once, in its own language: scripts over what lies beside the queue. */

/**
 * Looks, and notes that attempts begin: none is marked as started that should not be made, none is made unmarked. Many
 * are asked for at once; names of keys are made here from their common beginning, KEYS[1], as `keys` in
 * shared/transport.ts makes them. Of nearly every webhook there is nothing but what is under way to it: that way is short.
 * ARGV asks, as JSON: [[version, job, webhook, cap, rate, leaseMs, lane, laneMember]…] · of each its entries, none: only look
 * · keys of the events that are wanted
 * Answers events first, then of each ask: what became of it, and what belongs to that where there is something.
 */
export const begin = `${leave}${full}${slow}
local base = KEYS[1]
local version = redis.call('GET', base .. ':registry') or '0'
${clock}
local told, leases = {}, {}
local gates, busies, outs, dones = base .. ':gate:', base .. ':busy:', base .. ':out:', base .. ':done:'

local function start(busyKey, job, leaseMs, entries)
  local lease = leases[leaseMs] or string.format('%.0f', now + leaseMs)
  leases[leaseMs] = lease
  redis.call('ZADD', busyKey, lease, job)
  told[#told + 1] = entries
  return 'begun'
end

local function ask(known, job, webhook, cap, rate, leaseMs, lane, member, entries)
  local gateKey, busyKey, outKey, doneKey = gates .. webhook, busies .. webhook, outs .. webhook, dones .. job
  if redis.call('EXISTS', doneKey, gateKey, outKey) == 0 and version == known and entries ~= '' and member == '' and rate == 0 then
    local under = redis.call('ZCARD', busyKey)
    if under < cap and (under < 2 or not slow(busyKey, now, leaseMs)) then return start(busyKey, job, leaseMs, entries) end
  end
  local letOut = redis.call('ZREM', outKey, job) == 1
  if redis.call('EXISTS', doneKey) == 1 then
    return {'done', leave(base, webhook, job, lane, member, now, cap, rate, leaseMs)}
  end
  if version ~= known then return {'stale', version} end
  if entries == '' then return 'begun' end
  if member ~= '' then
    redis.call('ZADD', base .. ':lane:' .. lane, 0, member)
    if redis.call('ZRANGE', base .. ':lane:' .. lane, 0, 0)[1] ~= member then return 'behind' end
  end
  local gate = redis.call('HMGET', gateKey, 'open', 'probe', 'prober', 'tat')
  local open = tonumber(gate[1])
  if open then
    if now < open then return 'closed' end
    if gate[3] ~= job and now < tonumber(gate[2] or '0') then return 'closed' end
    redis.call('HSET', gateKey, 'probe', now + leaseMs, 'prober', job)
  elseif not redis.call('ZSCORE', busyKey, job) then
    if full(busyKey, outKey, now, cap) then return 'full' end
    -- what was let out has been counted then
    if not letOut then
      local tat = math.max(tonumber(gate[4] or '0'), now)
      if rate > 0 and tat - now >= 1000 then return 'closed' end
      -- last, as it counts what it lets through
      if spare(gateKey, busyKey, now, leaseMs) == 0 then return 'full' end
      if rate > 0 then redis.call('HSET', gateKey, 'tat', tat + 1000 / rate) end
    end
  end
  return start(busyKey, job, leaseMs, entries)
end

local asks = cjson.decode(ARGV[1])
local events, wanted = {}, #asks + 2
-- not all at once: a call takes no more arguments than the stack of this language holds
for from = wanted, #ARGV, 1000 do
  for _, event in ipairs(redis.call('MGET', unpack(ARGV, from, math.min(from + 999, #ARGV)))) do events[#events + 1] = event end
end
local answers = {events}
for i, one in ipairs(asks) do
  answers[i + 1] = ask(one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], ARGV[i + 1])
end
if #told > 0 then redis.call('XADD', base .. ':outcomes', '*', 'o', '[' .. table.concat(told, ',') .. ']') end
return answers`

/**
 * Notes how attempts ended, moves the breakers, and says which jobs may run now.
 * KEYS[1] as above · ARGV doneSeconds failures openMs openMaxMs
 * · ends, as JSON: [[webhook, job, verdict, done, cap, rate, leaseMs, closedMs, lane, laneMember]…] · the entries of all
 * Answers of each end that lets jobs run: its place among them, from 0, and the jobs.
 */
export const finish = `${leave}${slow}
local base = KEYS[1]
${clock}
local gates, busies, parkeds, dones = base .. ':gate:', base .. ':busy:', base .. ':parked:', base .. ':done:'

local function fail(gateKey, gate, open, began, closedMs)
  -- what left before somebody changed the webhook says nothing of it as it is now
  if began and began <= tonumber(gate[7] or '0') then return end
  local failures, seen, bad = tonumber(gate[2] or '0') + 1, tonumber(gate[4] or '0') + 1, tonumber(gate[5] or '0') + 1
  local since = tonumber(gate[3])
  if not since or now - since > 60000 then since, seen, bad = now, 1, 1 end
  redis.call('HSET', gateKey, 'failures', failures, 'since', since, 'seen', seen, 'bad', bad, 'ill', now)
  redis.call('EXPIRE', gateKey, 86400)
  local threshold = tonumber(ARGV[2])
  local many = threshold > 0 and (failures >= threshold or (seen >= 2 * threshold and bad >= 0.7 * seen))
  if (many or open) and not (open and now < open) then
    local trips = tonumber(gate[6] or '0') + 1
    open = now + math.min(tonumber(ARGV[3]) * 2 ^ math.min(trips - 1, 30), tonumber(ARGV[4]))
    redis.call('HSET', gateKey, 'open', open, 'trips', trips)
    redis.call('HDEL', gateKey, 'probe', 'prober')
  end
  local asked = now + closedMs
  if asked > (open or now) then
    redis.call('HSET', gateKey, 'open', asked)
    redis.call('HDEL', gateKey, 'probe', 'prober')
  end
end

local function tell(webhook, job, verdict, done, cap, rate, leaseMs, closedMs, lane, member)
  local gateKey, busyKey = gates .. webhook, busies .. webhook
  if done then redis.call('SET', dones .. job, '1', 'EX', ARGV[1]) end
  if verdict == 'good' then
    if redis.call('EXISTS', gateKey, parkeds .. webhook) == 0 and member == '' and not slow(busyKey, now, leaseMs) then
      redis.call('ZREM', busyKey, job)
      return {}
    end
    answered(gateKey, busyKey, now, leaseMs)
  end
  local gate = redis.call('HMGET', gateKey, 'open', 'failures', 'since', 'seen', 'bad', 'trips', 'forgiven')
  local open = tonumber(gate[1])
  if verdict == 'good' then
    if open then redis.call('HDEL', gateKey, 'open', 'probe', 'prober', 'failures', 'since', 'seen', 'bad', 'trips')
    elseif gate[3] then
      redis.call('HSET', gateKey, 'failures', 0)
      redis.call('HINCRBY', gateKey, 'seen', 1)
    end
  elseif verdict == 'bad' then
    local lease = tonumber(redis.call('ZSCORE', busyKey, job))
    fail(gateKey, gate, open, lease and lease - leaseMs, closedMs)
  end
  return leave(base, webhook, job, lane, member, now, cap, rate, leaseMs, verdict == 'good')
end

if ARGV[6] ~= '' then redis.call('XADD', base .. ':outcomes', '*', 'o', ARGV[6]) end
local answers = {}
for i, one in ipairs(cjson.decode(ARGV[5])) do
  local freed = tell(one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], one[9], one[10])
  if #freed > 0 then answers[#answers + 1] = {i - 1, freed} end
end
return answers`

/**
 * Parks a job that the queue keeps as delayed; says it again at once should it be free to go by now. Let out and kept
 * away once more, it is under way no longer.
 * KEYS gate busy out parked parking · ARGV webhook job cap rate leaseMs
 */
export const park = `${release}
local keys = {gate = KEYS[1], busy = KEYS[2], out = KEYS[3], parked = KEYS[4], parking = KEYS[5]}
${clock}
redis.call('ZREM', keys.busy, ARGV[2])
redis.call('ZREM', keys.out, ARGV[2])
redis.call('ZADD', keys.parked, now, ARGV[2])
redis.call('HSET', keys.gate, 'cap', ARGV[3], 'rate', ARGV[4], 'lease', ARGV[5])
return release(keys, ARGV[1], now, tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), 1)`

/**
 * Says of a job that it waits in SQL, unless there is room for it here, it is parked already, or its webhook will have
 * got through all that is parked in no time.
 * KEYS gate busy out parked outcomes · ARGV most job entries
 */
export const hold = `${thrives}
${clock}
if redis.call('ZCARD', KEYS[4]) < tonumber(ARGV[1]) or redis.call('ZSCORE', KEYS[4], ARGV[2]) or thrives(KEYS[1], now) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('XADD', KEYS[5], '*', 'o', ARGV[3])
return 1`

/** Jobs that were let out, and are no more: they give back their places, and whose turn it was to try. KEYS gate out · ARGV job… */
export const forgo = `
for _, job in ipairs(ARGV) do
  redis.call('ZREM', KEYS[2], job)
  if redis.call('HGET', KEYS[1], 'prober') == job then redis.call('HDEL', KEYS[1], 'probe', 'prober') end
end`

/** Looks after one webhook for which jobs wait. KEYS gate busy out parked parking · ARGV webhook cap */
export const look = `${release}
local keys = {gate = KEYS[1], busy = KEYS[2], out = KEYS[3], parked = KEYS[4], parking = KEYS[5]}
${clock}
local limits = redis.call('HMGET', keys.gate, 'cap', 'rate', 'lease')
return release(keys, ARGV[1], now, tonumber(limits[1] or ARGV[2]), tonumber(limits[2] or '0'), tonumber(limits[3] or '0'), 1000)`
