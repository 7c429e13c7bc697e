CREATE TABLE `openmetadata_webhook_versions` (
	`webhook_id` text NOT NULL,
	`revision` integer NOT NULL,
	`shown` text NOT NULL,
	PRIMARY KEY(`webhook_id`, `revision`)
);
--> statement-breakpoint
CREATE TABLE `openmetadata_webhooks` (
	`webhook_id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`entity` text NOT NULL,
	`revision` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`updated_by` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `openmetadata_webhooks_name` ON `openmetadata_webhooks` (`organization_id`,`name`);--> statement-breakpoint
ALTER TABLE `webhooks` ADD `last_failed_outcome` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `retries_exhausted` integer DEFAULT false NOT NULL;