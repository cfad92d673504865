//go:build !brokentarget

package table

// forgetsCursor has every batch written whole, whatever the cursor in the table
// says, which doubles events. The tests of the SQL targets must find that.
const forgetsCursor = false
