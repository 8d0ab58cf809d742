#include "quiesce/journal.hpp"

#include "error.hpp"
#include "quiesce/journal_file.hpp"
#include "quiesce/record.hpp"
#include "stream/fault_point.hpp"

#include <mutex>
#include <optional>

namespace miraclemax::quiesce {

class Journal::Impl {
public:
    Impl(const std::filesystem::path& folder, const std::string& run)
        : file_(JournalFile::create(journal_path(folder, run), run_record(run))) {}

    void intend(const Entry& entry) {
        const std::lock_guard lock(mutex_);
        MIRACLEMAX_FAULT_POINT("journal.intend");
        if (!file_)
            throw Error(ExitCode::failed, "the journal is closed already").with(entry.name);
        file_->append(intend_record(entry));
        MIRACLEMAX_FAULT_POINT("journal.intend");
        forget(entry.id);
        open_.push_back(entry);
    }

    void done(const std::string& id) {
        const std::lock_guard lock(mutex_);
        if (!file_ || !forget(id))
            return;
        MIRACLEMAX_FAULT_POINT("journal.done");
        file_->append(done_record(id));
        MIRACLEMAX_FAULT_POINT("journal.done");
    }

    std::vector<Entry> open() const {
        const std::lock_guard lock(mutex_);
        return open_;
    }

    void close() {
        const std::lock_guard lock(mutex_);
        if (!file_ || !open_.empty())
            return;
        file_->remove(); // while it is locked: nobody takes it for a dead one
        file_.reset();
    }

private:
    bool forget(const std::string& id) {
        return std::erase_if(open_, [&](const Entry& entry) { return entry.id == id; }) != 0;
    }

    mutable std::mutex mutex_;
    std::optional<JournalFile> file_;
    std::vector<Entry> open_;
};

Journal::Journal(const std::filesystem::path& folder, const std::string& run)
    : impl_(std::make_unique<Impl>(folder, run)) {}

Journal::~Journal() {
    try {
        impl_->close();
    } catch (...) { // an empty journal that stays is removed by the next recovery
    }
}

void Journal::intend(const Entry& entry) {
    impl_->intend(entry);
}
void Journal::done(const std::string& id) {
    impl_->done(id);
}
std::vector<Entry> Journal::open() const {
    return impl_->open();
}
void Journal::close() {
    impl_->close();
}

} // namespace miraclemax::quiesce
