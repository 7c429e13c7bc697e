DROP INDEX `deliveries_webhook`;--> statement-breakpoint
DROP INDEX `deliveries_open`;--> statement-breakpoint
CREATE INDEX `deliveries_failed` ON `deliveries` (`webhook_id`,`created_at`,`id`) WHERE state in ('failed', 'cancelled');--> statement-breakpoint
CREATE INDEX `deliveries_webhook` ON `deliveries` (`webhook_id`,`created_at`,`id`,`organization_id`);--> statement-breakpoint
CREATE INDEX `deliveries_open` ON `deliveries` (`next_attempt_at`,`id`,`webhook_id`) WHERE state in ('pending', 'retrying');