ALTER TABLE `partials` ADD `draft` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE `scans` ADD `start_seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `sources` ADD `named_secrets` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `sources` ADD `lookup` text;--> statement-breakpoint
ALTER TABLE `sources` ADD `collect` text;