DROP INDEX `events_received`;--> statement-breakpoint
CREATE INDEX `events_received` ON `events` (`organization_id`,`received_at`,`id`,`source`);--> statement-breakpoint
CREATE INDEX `attempts_webhook` ON `attempts` (`webhook_id`,`started_at`,`outcome`);