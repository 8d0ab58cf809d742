// A worker as a child of this process.
#include "openpgp/encryption.hpp"
#include "worker/child_process.hpp"
#include "worker/worker_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/prctl.h>
#include <sys/socket.h>

namespace miraclemax::worker {

namespace {

std::array<stream::Descriptor, 2> connected_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw Error(ExitCode::failed, std::string("can't make a control socket: ") + std::strerror(errno));
    return {stream::Descriptor(ends[0]), stream::Descriptor(ends[1])};
}

class StartedChild : public WorkerProcess {
public:
    StartedChild(const std::string& program, std::unique_ptr<openpgp::Home> home) : home_(std::move(home)) {
        auto ends = connected_pair();
        ours_ = std::move(ends[0]);
        process_ = std::make_unique<ChildProcess>(
            std::vector<std::string>{program, "worker", "--descriptor", "3"}, std::move(ends[1]));
    }
    stream::Descriptor connect(const std::string&, const std::function<void()>&, Clock::time_point) override {
        return std::move(ours_);
    }
    void attend() override { process_->drain(); }
    std::string autopsy() override { return process_->autopsy(); }
    void let_end(std::chrono::milliseconds within) noexcept override { process_->let_end(within); }

private:
    std::unique_ptr<openpgp::Home> home_;
    stream::Descriptor ours_;
    std::unique_ptr<ChildProcess> process_; // ends before home_ does
};

} // namespace

std::unique_ptr<WorkerProcess> child_process(const std::string& program,
                                             std::unique_ptr<openpgp::Home> home) {
    return std::make_unique<StartedChild>(program, std::move(home));
}

void shield_from_children() {
    if (::prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
        throw Error(ExitCode::failed,
                    std::string("can't shield this process from its workers: ") + std::strerror(errno));
}

} // namespace miraclemax::worker
