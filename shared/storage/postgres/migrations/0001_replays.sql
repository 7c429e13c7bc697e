CREATE TABLE "replays" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"organization_id" text COLLATE "C" NOT NULL,
	"webhook_id" text COLLATE "C" NOT NULL,
	"since" bigint NOT NULL,
	"until" bigint NOT NULL,
	"filter" json,
	"state" text COLLATE "C" NOT NULL,
	"reason" text COLLATE "C",
	"events" integer NOT NULL,
	"examined" integer NOT NULL,
	"deliveries" integer NOT NULL,
	"last_received_at" bigint,
	"last_event_id" text COLLATE "C",
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE INDEX "replays_organization" ON "replays" USING btree ("organization_id","created_at");