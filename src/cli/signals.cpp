#include "cli/signals.hpp"

#include <signal.h>

#include <ctime>

namespace miraclemax::cli {
namespace {

sigset_t ends() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT})
        ::sigaddset(&set, signal);
    return set;
}

} // namespace

Signals::Signals(std::atomic<unsigned>* hangups) {
    const sigset_t set = ends();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    // A controller that is stopped by Ctrl-Z would hold its containers frozen.
    for (const int signal : {SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU})
        ::signal(signal, SIG_IGN);
    waiter_ = std::jthread([this, set, hangups](const std::stop_token& over) {
        const timespec pause{.tv_sec = 0, .tv_nsec = 100'000'000};
        while (!over.stop_requested())
            if (const int signal = ::sigtimedwait(&set, nullptr, &pause);
                signal == SIGHUP && hangups != nullptr)
                ++*hangups;
            else if (signal > 0)
                source_.request_stop();
    });
}

Signals::~Signals() = default;

} // namespace miraclemax::cli
