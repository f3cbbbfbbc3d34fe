"""What somebody outside must be told: alerts at thresholds, by mail and by webhook."""
