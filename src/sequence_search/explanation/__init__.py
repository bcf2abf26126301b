"""Why a design works: measured, then in words."""
