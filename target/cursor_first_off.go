//go:build !brokentarget

package target

// cursorFirst has the cursor saved before the rows are written, which loses
// events. The crash test must find that.
const cursorFirst = false
