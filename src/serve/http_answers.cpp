#include "serve/http_answers.hpp"

#include "error.hpp"
#include "serve/http_message.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace miraclemax::serve {
namespace {

constexpr unsigned at_once = 2;
constexpr int nice = 10;

} // namespace

void step_back() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    // On Linux a priority is a thread's own. It may be lower already.
    const auto self = static_cast<id_t>(::gettid());
    if (::getpriority(PRIO_PROCESS, self) < nice)
        ::setpriority(PRIO_PROCESS, self, nice);
}

HttpAnswers::HttpAnswers(Answer answer)
    : answer_(std::move(answer)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_)
        throw Error(ExitCode::failed, std::string("can't make an eventfd: ") + std::strerror(errno));
    threads_.reserve(at_once);
    for (unsigned i = 0; i < at_once; ++i)
        threads_.emplace_back([this] { work(); });
}

HttpAnswers::~HttpAnswers() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    asked_.notify_all();
    for (auto& each : threads_)
        each.join();
}

void HttpAnswers::ask(std::uint64_t id, const std::string& path) {
    {
        const std::lock_guard lock(mutex_);
        questions_.emplace_back(id, path);
    }
    asked_.notify_one();
}

void HttpAnswers::forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    std::erase_if(questions_, [&](const auto& each) { return each.first == id; });
}

std::vector<std::pair<std::uint64_t, Page>> HttpAnswers::take() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_.get(), &count, sizeof(count));
    const std::lock_guard lock(mutex_);
    return std::exchange(pages_, {});
}

void HttpAnswers::nudge() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

void HttpAnswers::work() {
    step_back();
    std::unique_lock lock(mutex_);
    while (true) {
        asked_.wait(lock, [this] { return ending_ || !questions_.empty(); });
        if (ending_)
            return;
        const auto [id, path] = std::move(questions_.front());
        questions_.pop_front();
        lock.unlock();
        Page page;
        try {
            page = answer_(path);
        } catch (...) {
            page = plain_page(500); // the reason may name things that a reader must not know
        }
        lock.lock();
        pages_.emplace_back(id, std::move(page));
        nudge();
    }
}

} // namespace miraclemax::serve
