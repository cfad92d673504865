//go:build !brokenauth

package auth

// admitEverything is what the control build breaks: a key is enough, whatever it
// allows. See the tag brokenauth, which a test must notice.
const admitEverything = false
