CREATE TABLE `replays` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`since` integer NOT NULL,
	`until` integer NOT NULL,
	`filter` text,
	`state` text NOT NULL,
	`reason` text,
	`events` integer NOT NULL,
	`examined` integer NOT NULL,
	`deliveries` integer NOT NULL,
	`last_received_at` integer,
	`last_event_id` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `replays_organization` ON `replays` (`organization_id`,`created_at`);