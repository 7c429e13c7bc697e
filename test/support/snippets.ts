/**
 * What the catalogs' guides print, as they print it. Only the host is another, and a slip of the pen in Ptolemy's guide
 * (`}{)`) is mended. Registering with Foundry is left out: it asks Foundry, and Foundry's own library has no such call.
 */
export const foundryReceiver = `
from flask import Flask, request, jsonify
import hmac, hashlib
app = Flask(__name__)
@app.post("/webhooks/foundry")
def handle_foundry_webhook():
    # Verify signature
    signature = request.headers.get("X-Foundry-Signature", "")
    timestamp = request.headers.get("X-Foundry-Timestamp", "")
    secret = os.environ["FOUNDRY_WEBHOOK_SECRET"]
    signed_payload = f"{timestamp}.{request.get_data(as_text=True)}"
    expected = hmac.new(
        secret.encode(), signed_payload.encode(), hashlib.sha256
    ).hexdigest()
    if not hmac.compare_digest(signature, expected):
        return jsonify({"error": "Invalid signature"}), 401
    # Replay protection — reject timestamps older than 5 minutes
    import time
    if abs(time.time() - int(timestamp)) > 300:
        return jsonify({"error": "Timestamp too old"}), 401
    event = request.get_json()
    handle_event(event)
    return jsonify({"received": True}), 200

def handle_event(event: dict):
    event_type = event.get("type", "")
    handlers = {
        "ontology.object.created": on_object_created,
        "ontology.object.updated": on_object_updated,
        "ontology.object.deleted": on_object_deleted,
        "dataset.updated": on_dataset_updated,
        "build.completed": on_build_completed,
    }
    handler = handlers.get(event_type)
    if handler:
        handler(event["data"])
    else:
        print(f"Unhandled event type: {event_type}")
def on_object_created(data: dict):
    obj_type = data["objectType"]
    primary_key = data["primaryKey"]
    print(f"Object created: {obj_type}/{primary_key}")
    # Sync to external system, trigger workflow, etc.
def on_object_updated(data: dict):
    obj_type = data["objectType"]
    changes = data.get("changedProperties", {})
    print(f"Object updated: {obj_type} — changed: {list(changes.keys())}")
def on_object_deleted(data: dict):
    print(f"Object deleted: {data['objectType']}/{data['primaryKey']}")
def on_dataset_updated(data: dict):
    print(f"Dataset updated: {data['datasetRid']} branch={data['branch']}")
def on_build_completed(data: dict):
    status = data["buildStatus"]
    print(f"Build {data['buildRid']}: {status}")
`

/** Foundry's fourth step; `redis` and `r` are whoever keeps the keys. */
export const foundryOnce = `
def idempotent_handle(event: dict):
    event_id = event["id"]
    key = f"foundry:event:{event_id}"
    if r.exists(key):
        print(f"Skipping duplicate event: {event_id}")
        return
    handle_event(event)
    r.setex(key, 86400 * 7, "processed")  # 7-day TTL
`

export const ptolemyRegistration = (receiver: string) => `
webhook = client.post("/webhooks", json={ "url": "${receiver}/webhooks/ptolemy", "label": "production", "active": True }).json()
webhook_id = webhook["id"]
secret = webhook["secret"] # Store in env variable NOW
`

export const ptolemySubscriptions = `
# Subscribe to specific events
for event_type in ["instrument.created", "instrument.updated", "instrument.archived"]:
    client.post(f"/webhooks/{webhook_id}/subscriptions", json={ "event_type": event_type })
`
export const ptolemyAllEvents = `
# Or subscribe to all events at once
client.put(f"/webhooks/{webhook_id}/subscriptions", json=["*"])
`

export const ptolemyReceiver = `
from fastapi import FastAPI, Request, HTTPException
import hashlib, hmac, time
app = FastAPI()
WEBHOOK_SECRET = os.environ["PTOLEMY_WEBHOOK_SECRET"]
@app.post("/webhooks/ptolemy")
async def handle_webhook(request: Request):
    payload = await request.body()
    sig_header = request.headers.get("Ptolemy-Signature", "")
    if not verify_signature(payload, sig_header, WEBHOOK_SECRET):
        raise HTTPException(status_code=401, detail="Invalid signature")
    event = json.loads(payload)
    # Queue for async processing, respond immediately
    await_queue.put(event)
    return { "ok": True }
`

/** The guide names these two and shows neither: the signature as Ptolemy's reference has it, and a queue that prints. */
export const ptolemyUnshown = `
def verify_signature(payload, sig_header, secret):
    parts = dict(part.split("=", 1) for part in sig_header.split(",") if "=" in part)
    signed = parts.get("t", "").encode() + b"." + payload
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts.get("v1", ""), expected) and abs(time.time() - int(parts["t"])) <= 300
class Printing:
    def put(self, event): print(event["event_type"], event["data"].get("identifier"))
await_queue = Printing()
`

export const ptolemyFailures = (webhookId: string) =>
  `{ "filter": { "and": [ { "field": "webhook_id", "op": "eq", "value": "${webhookId}" }, { "field": "status", "op": "eq", "value": "failed" } ] }, "sort": [{ "field": "delivered_at", "direction": "desc" }] }`

export const opteryxReceiver = `
from flask import Flask, request, jsonify

app = Flask(__name__)

@app.route('/event', methods=['POST'])
def handle_webhook():
    payload = request.json
    
    action = payload['event']['action']
    resource_type = payload['event']['resource_type']
    resource_name = payload['event']['resource_name']
    workspace = payload['event']['workspace']
    collection = payload['event']['collection']
    
    print(f"Received {action} event for {resource_type} {resource_name}")
    print(f"Workspace: {workspace}, Collection: {collection}")
    print(f"Timestamp: {payload['event']['timestamp']}")
    print(f"Data: {payload['data']}")
    
    # Process the event
    # ...
    
    return jsonify({"status": "ok"}), 200
`

/** Its fields, which the guide leaves out as `[...]`, are none. */
export const opteryxPayload = `{
  "event": {
    "action": "create",
    "workspace": "my-workspace",
    "collection": "my-collection",
    "resource_type": "dataset",
    "resource_name": "my-dataset",
    "timestamp": 1704556800000
  },
  "data": {
    "location": "gs://bucket/path",
    "properties": {},
    "schema": {
      "fields": []
    }
  }
}`

export const sesamShopify =
  "{% if request_headers['X-Shopify-Hmac-SHA256'] == b64encode(hmacsha256digest(secret('oauth_client_secret'), request_body)) %}{% else %}FAIL!{% endif %}"

/** Placeholders and all, as a pipe of type `http_endpoint`, and the one with a subset. */
export const sesamEventPipe = `{
"_id": "<system>-<datatype>-event",
"compaction": {
"keep_versions": 1
},
"namespaced_identifiers": false,
"sink": {
"set_initial_offset": "onload"
},
"source": {
"system": "<system>",
"type": "http_endpoint",
"validation_expression": "{% if request_headers['<webhook_signature_param>'] == b64encode(hmacsha256digest(secret('webhook_secret'), request_body)) %}{% else %}FAIL!{% endif %}"
},
"type": "pipe"
}`
export const sesamSubsetPipe = `{
"_id": "<system>-<webhook_filter_criteria>-event",
"namespaced_identifiers": false,
"sink": {
"deletion_tracking": false,
"set_initial_offset": "onload"
},
"source": {
"dataset": "<hubspot_webhook_dataset>",
"subset": [
"eq",
[
"matches",
"<webhook_filter_criteria>.*",
[
"list",
"_S.<property>"
]
],
true
],
"type": "dataset"
},
"type": "pipe"
}`
