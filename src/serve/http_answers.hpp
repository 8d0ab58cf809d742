// The threads that ask for pages, apart from the one that talks to clients: a page may take a while to make.
#pragma once

#include "serve/http.hpp"
#include "stream/file.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace miraclemax::serve {

// The calling thread takes no signals and runs at nice 10 from now on, so that a backup goes first.
void step_back();

class HttpAnswers {
public:
    explicit HttpAnswers(Answer answer);
    ~HttpAnswers(); // waits for the pages that are being made
    HttpAnswers(const HttpAnswers&) = delete;
    HttpAnswers& operator=(const HttpAnswers&) = delete;

    void ask(std::uint64_t id, const std::string& path);
    void forget(std::uint64_t id); // nobody waits for it any more
    [[nodiscard]] std::vector<std::pair<std::uint64_t, Page>> take();
    [[nodiscard]] int wake() const {
        return wake_.get();
    }                   // an eventfd: readable when there is something to take
    void nudge() const; // makes it readable

private:
    void work();

    const Answer answer_;
    stream::Descriptor wake_;
    std::mutex mutex_;
    std::condition_variable asked_;
    bool ending_ = false;
    std::deque<std::pair<std::uint64_t, std::string>> questions_;
    std::vector<std::pair<std::uint64_t, Page>> pages_;
    std::vector<std::thread> threads_;
};

} // namespace miraclemax::serve
