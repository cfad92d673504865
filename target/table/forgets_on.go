//go:build brokentarget

package table

const forgetsCursor = true
