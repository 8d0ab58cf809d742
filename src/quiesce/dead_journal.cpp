#include "error.hpp"
#include "quiesce/journal.hpp"
#include "quiesce/journal_file.hpp"
#include "quiesce/record.hpp"
#include "stream/fault_point.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace miraclemax::quiesce {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest = 64 * 1024 * 1024;

// Names of the runs that have a journal, sorted.
std::vector<std::string> runs_in(const fs::path& folder) {
    std::error_code error;
    std::vector<std::string> runs;
    for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
        if (entry->path().extension() == ".journal" && !entry->path().stem().empty())
            runs.push_back(entry->path().stem().string());
    if (error && error != std::errc::no_such_file_or_directory)
        throw Error(ExitCode::failed,
                    fmt::format("can't read the folder of journals {}: {}", folder.string(), error.message()),
                    "it must be readable by the user that runs miraclemax");
    std::sort(runs.begin(), runs.end());
    return runs;
}

// Whether this process has the lock: proc(5), /proc/locks.
bool held_here(const fs::path& path) {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0)
        return false;
    const auto end = fmt::format(":{}", facts.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, kind, advisory, access, file;
        pid_t pid = 0;
        if (words >> number >> kind >> advisory >> access >> pid >> file && kind == "FLOCK" &&
            pid == ::getpid() && file.ends_with(end))
            return true;
    }
    return false;
}

} // namespace

class DeadJournal::Impl {
public:
    Impl(std::string run, JournalFile file) : run_(std::move(run)), file_(std::move(file)) {
        reading_ = read_records(file_->read());
        reading_.damaged = reading_.damaged || file_->cut();
    }
    // It is there, but can't be opened or read.
    Impl(std::string run, std::string trouble) : run_(std::move(run)), trouble_(std::move(trouble)) {
        reading_.damaged = true;
    }

    [[nodiscard]] const std::string& run() const { return run_; }
    [[nodiscard]] const Reading& reading() const { return reading_; }
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

    void done(const std::string& id) {
        if (std::erase_if(reading_.open, [&](const Entry& entry) { return entry.id == id; }) == 0)
            return;
        MIRACLEMAX_FAULT_POINT("recovery.done");
        auto& file = need();
        if (!prepared_) {
            // A torn tail is wiped, so that it never stands before a good record.
            const auto rest = file.read().substr(reading_.end);
            const auto torn = rest.find_last_not_of('\0');
            file.append_at(reading_.end);
            if (torn != std::string::npos)
                file.append(std::string(torn + 1, '\0'));
            file.append_at(reading_.end);
            if (reading_.inside_line)
                file.append("\n");
            prepared_ = true;
        }
        file.append(done_record(id));
    }

    void remove() {
        auto& file = need();
        if (reading_.damaged)
            file.rename(fs::path(file.path()).replace_extension(".damaged-journal"));
        else
            file.remove();
        file_.reset();
    }

private:
    JournalFile& need() {
        if (!file_)
            throw Error(ExitCode::failed, trouble_, "run this as the user that made it");
        return *file_;
    }

    std::string run_;
    std::optional<JournalFile> file_;
    std::string trouble_;
    Reading reading_;
    bool prepared_ = false;
};

DeadJournal::DeadJournal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeadJournal::DeadJournal(DeadJournal&&) noexcept = default;
DeadJournal& DeadJournal::operator=(DeadJournal&&) noexcept = default;
DeadJournal::~DeadJournal() = default;
const std::string& DeadJournal::run() const {
    return impl_->run();
}
const std::vector<Entry>& DeadJournal::open() const {
    return impl_->reading().open;
}
bool DeadJournal::damaged() const {
    return impl_->reading().damaged;
}
const std::string& DeadJournal::trouble() const {
    return impl_->trouble();
}
void DeadJournal::done(const std::string& id) {
    impl_->done(id);
}
void DeadJournal::remove() {
    impl_->remove();
}

std::vector<DeadJournal> dead_journals(const fs::path& folder) {
    std::vector<DeadJournal> dead;
    for (const auto& run : runs_in(folder)) {
        try {
            if (auto file = JournalFile::lock(folder / (run + ".journal")))
                dead.push_back(DeadJournal(std::make_unique<DeadJournal::Impl>(run, std::move(*file))));
        } catch (const Error& error) {
            dead.push_back(DeadJournal(std::make_unique<DeadJournal::Impl>(run, std::string(error.what()))));
        }
    }
    return dead;
}

bool alive(const fs::path& folder, const std::string& run) {
    const stream::Descriptor file(
        ::open(journal_path(folder, run).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return file && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::map<std::string, std::string> held_by_living(const fs::path& folder,
                                                  const std::set<std::string>& except_runs) {
    std::map<std::string, std::string> held;
    for (const auto& run : runs_in(folder)) {
        if (except_runs.count(run) != 0 || !alive(folder, run))
            continue;
        try {
            for (const auto& entry : read_records(stream::read_file(journal_path(folder, run), longest)).open)
                if (entry.act != Act::none)
                    held[entry.id] = run;
        } catch (const Error&) { // it ended in between
        }
    }
    return held;
}

std::vector<Leftover> leftovers(const fs::path& folder) {
    std::set<std::string> dead;
    for (const auto& run : runs_in(folder))
        if (!alive(folder, run) || held_here(journal_path(folder, run)))
            dead.insert(run);
    const auto living = held_by_living(folder, dead);
    std::vector<Leftover> all;
    for (const auto& run : dead) {
        const auto path = journal_path(folder, run);
        Leftover left{.run = run};
        std::error_code error;
        left.changed = fs::last_write_time(path, error);
        if (error == std::errc::no_such_file_or_directory) // it was put in order meanwhile
            continue;
        try {
            auto reading = read_records(stream::read_file(path, longest));
            std::erase_if(reading.open, [&](const Entry& entry) {
                return entry.act == Act::none || living.contains(entry.id);
            });
            left.open = std::move(reading.open);
            left.trouble = reading.damaged ? "it is damaged" : "";
        } catch (const Error& failure) {
            if (!fs::exists(path, error) && !error)
                continue;
            left.trouble = failure.what();
        }
        all.push_back(std::move(left));
    }
    return all;
}

} // namespace miraclemax::quiesce
