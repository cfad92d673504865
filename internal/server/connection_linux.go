package server

import (
	"io"
	"syscall"
)

// discard throws away at most as many bytes as p is long, and at least one, and
// returns how many: the kernel forgets them.
func (c *connection) discard(p []byte) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var fault error
	err = raw.Read(func(fd uintptr) (done bool) {
		n, _, fault = syscall.Recvfrom(int(fd), p, syscall.MSG_TRUNC|syscall.MSG_DONTWAIT)
		for fault == syscall.EINTR {
			n, _, fault = syscall.Recvfrom(int(fd), p, syscall.MSG_TRUNC|syscall.MSG_DONTWAIT)
		}
		return fault != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case fault != nil:
		return 0, fault
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
