package app

import "strconv"

// retentionVariable is the environment variable of HappyView's that says how
// many days the instance system keeps events.
const retentionVariable = "EVENT_LOG_RETENTION_DAYS"

const maxRetentionDays = 100_000

// systemRetention reads the variable: nil where it is not set or empty, so that
// the stored setting holds. Anything but a whole number is refused: a mistake
// must not delete, or keep, what it was not meant to.
func systemRetention(env *environment) (*int, error) {
	text := env.getenv(retentionVariable)
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is set, which is no error
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 0 || days > maxRetentionDays {
		return nil, usagef("%s is %q; it must be a whole number of days, 0 to %d (0 keeps events for ever; without it the setting of the instance system holds, 30 days at first)",
			retentionVariable, escape(text), maxRetentionDays)
	}
	return &days, nil
}
