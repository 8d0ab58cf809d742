#include "worker/lock_down.hpp"

#include "error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace miraclemax::worker {

namespace {

Error can_not(const char* what, int error_number) {
    return {ExitCode::failed,
            std::string("the worker can't lock itself down: ") + what + ": " + std::strerror(error_number),
            "let a helper container do the reading: its isolation does not need this"};
}

void close_all_but(int keep) {
    const auto close_from = [](unsigned first, unsigned last) {
        if (first <= last && ::syscall(SYS_close_range, first, last, 0U) != 0)
            throw can_not("close_range", errno);
    };
    const auto kept = static_cast<unsigned>(keep);
    if (kept > 2U)
        close_from(3U, kept - 1U);
    close_from(std::max(kept, 2U) + 1U, ~0U);
}

using Sets = std::array<__user_cap_data_struct, 2>;

constexpr std::uint64_t bit(unsigned capability) {
    return std::uint64_t{1} << capability;
}

std::uint64_t permitted() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    Sets sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0)
        throw can_not("capget", errno);
    return sets[0].permitted | std::uint64_t{sets[1].permitted} << 32U;
}

void keep_only(std::uint64_t kept) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    Sets sets{};
    sets[0].effective = sets[0].permitted = static_cast<std::uint32_t>(kept);
    sets[1].effective = sets[1].permitted = static_cast<std::uint32_t>(kept >> 32U);
    if (::syscall(SYS_capset, &header, sets.data()) != 0)
        throw can_not("capset", errno);
}

std::uint64_t wanted_for(Purpose purpose, std::uint64_t had) {
    const std::uint64_t settling =
        bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETFCAP);
    switch (purpose) {
    case Purpose::reading:
        return bit((had & bit(CAP_DAC_READ_SEARCH)) != 0 ? CAP_DAC_READ_SEARCH : CAP_DAC_OVERRIDE);
    case Purpose::unpacking:
        return settling | bit(CAP_MKNOD);
    case Purpose::settling:
        return settling;
    case Purpose::nothing:
        break;
    }
    return 0;
}

// By name, since not every architecture and every libseccomp knows all of them.
constexpr std::array sockets{"connect", "bind", "listen", "accept", "accept4"};
constexpr std::array makers_of_sockets{"socket", "socketpair"};
constexpr std::array denied{"socketcall",
                            "io_uring_setup",
                            "io_uring_enter",
                            "io_uring_register",
                            "ptrace",
                            "process_vm_readv",
                            "process_vm_writev",
                            "pidfd_getfd",
                            "kcmp",
                            "process_madvise",
                            "mount",
                            "umount",
                            "umount2",
                            "fsopen",
                            "fsconfig",
                            "fsmount",
                            "fspick",
                            "move_mount",
                            "open_tree",
                            "mount_setattr",
                            "pivot_root",
                            "chroot",
                            "unshare",
                            "setns",
                            "open_by_handle_at",
                            "bpf",
                            "perf_event_open",
                            "userfaultfd",
                            "add_key",
                            "keyctl",
                            "request_key",
                            "kexec_load",
                            "kexec_file_load",
                            "init_module",
                            "finit_module",
                            "delete_module",
                            "reboot",
                            "swapon",
                            "swapoff",
                            "acct",
                            "quotactl",
                            "quotactl_fd",
                            "sethostname",
                            "setdomainname",
                            "settimeofday",
                            "clock_settime",
                            "clock_adjtime",
                            "adjtimex",
                            "iopl",
                            "ioperm",
                            "syslog",
                            "vhangup"};

void deny(scmp_filter_ctx filter, int call, int answer, const scmp_arg_cmp* when = nullptr) {
    if (call == __NR_SCMP_ERROR)
        return;
    if (const int failed = ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(answer)),
                                                    call, when != nullptr ? 1 : 0, when))
        throw can_not("seccomp rule", -failed);
}

void deny_sockets(scmp_filter_ctx filter, Sockets left) {
    const scmp_arg_cmp elsewhere = SCMP_A0(SCMP_CMP_NE, AF_UNIX);
    for (const char* name : makers_of_sockets)
        deny(filter, ::seccomp_syscall_resolve_name(name), EPERM,
             left == Sockets::local ? &elsewhere : nullptr);
    if (left == Sockets::local)
        return;
    for (const char* name : sockets)
        deny(filter, ::seccomp_syscall_resolve_name(name), EPERM);
}

void add_rules(scmp_filter_ctx filter, Sockets left) {
    deny_sockets(filter, left);
    for (const char* name : denied)
        deny(filter, ::seccomp_syscall_resolve_name(name), EPERM);
    // clone3 keeps its flags in memory, where a filter can't see them: "not there" makes libc use clone.
    deny(filter, SCMP_SYS(clone3), ENOSYS);
    for (const int space :
         {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS}) {
        const auto flag = static_cast<scmp_datum_t>(space);
#ifdef __s390x__
        const scmp_arg_cmp has = SCMP_A1(SCMP_CMP_MASKED_EQ, flag, flag);
#else
        const scmp_arg_cmp has = SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag);
#endif
        deny(filter, SCMP_SYS(clone), EPERM, &has);
    }
}

} // namespace

void isolate(int keep) {
    ::umask(077);
    if (::fcntl(keep, F_SETFD, FD_CLOEXEC) != 0)
        throw can_not("the control socket", errno);
    close_all_but(keep);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
        throw can_not("no_new_privs", errno);
    if (::prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        throw can_not("dumpable", errno);
}

void drop_capabilities(Purpose purpose, bool trusted_xattrs) {
    const std::uint64_t had = permitted();
    std::uint64_t wanted = wanted_for(purpose, had);
    if (trusted_xattrs)
        wanted |= bit(CAP_SYS_ADMIN);
    const std::uint64_t kept = had & wanted;
    for (unsigned capability = 0; capability < 64U; ++capability) {
        // Refused without CAP_SETPCAP; then no_new_privs keeps exec from giving them back.
        if ((kept & bit(capability)) == 0 && ::prctl(PR_CAPBSET_READ, capability, 0L, 0L, 0L) == 1)
            ::prctl(PR_CAPBSET_DROP, capability, 0L, 0L, 0L);
    }
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    keep_only(kept);
}

void deny_system_calls(Sockets left) {
    const auto release = [](void* filter) { ::seccomp_release(filter); };
    const std::unique_ptr<void, decltype(release)> filter(::seccomp_init(SCMP_ACT_ALLOW), release);
    if (!filter)
        throw can_not("seccomp", ENOMEM);
    // Calls of another architecture (32-bit ones on a 64-bit kernel) would pass by the rules.
    if (const int failed = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH,
                                              SCMP_ACT_ERRNO(static_cast<unsigned>(EPERM))))
        throw can_not("seccomp", -failed);
    if (const int failed = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1))
        throw can_not("seccomp", -failed);
    add_rules(filter.get(), left);
    if (const int failed = ::seccomp_load(filter.get()))
        throw can_not("seccomp", -failed);
}

} // namespace miraclemax::worker
