DROP INDEX `deliveries_webhook`;--> statement-breakpoint
CREATE INDEX `deliveries_webhook` ON `deliveries` (`webhook_id`,`created_at`,`id`,`state`,`organization_id`);