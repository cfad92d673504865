//go:build brokentarget

package target

const cursorFirst = true
