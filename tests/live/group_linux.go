package live

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a process into a group of its own, and has it die with the test when
// that is killed before it can clean up.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(command *exec.Cmd) error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
