#include "telemetry/notifications.hpp"

#include "error.hpp"
#include "stream/file.hpp"
#include "telemetry/escaping.hpp"
#include "telemetry/outbox_round.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace miraclemax::telemetry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_subject = 400;
constexpr std::size_t longest_text = 64 * 1024;

void make_folder(const fs::path& folder) {
    std::error_code ignored; // told by the next call
    fs::create_directories(folder.parent_path(), ignored);
    if (::mkdir(folder.c_str(), 0700) == 0)
        stream::sync_folder(folder.has_parent_path() ? folder.parent_path() : fs::path("."));
    else if (errno != EEXIST)
        throw stream::write_error("create", folder, errno);
}

// None when another process has it. The file is never deleted, so the lock is always on the same one.
stream::Descriptor lock_of(const fs::path& folder) {
    const auto path = folder / ".lock";
    stream::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file)
        throw stream::write_error("open the lock", path, errno);
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return {};
        if (errno != EINTR)
            throw stream::write_error("lock", path, errno);
    }
    return file;
}

bool wants(const Channel& channel, const Message& message) {
    switch (message.occasion) {
    case Occasion::success:
        return channel.on_success && channel.kind != Channel::Kind::alertmanager;
    case Occasion::digest:
        return channel.on_digest && channel.kind != Channel::Kind::alertmanager;
    default:
        return channel.kind != Channel::Kind::alertmanager || !message.firing.empty() ||
               !message.ended.empty();
    }
}

Message short_enough(Message message) {
    message.subject = shortened(message.subject, longest_subject);
    message.text = shortened(message.text, longest_text);
    return message;
}

bool is_known(const fs::path& folder, const std::string& id) {
    const auto counts = counts_in(folder, nullptr);
    const auto waiting = waiting_in(folder, nullptr);
    return std::find(counts.done.begin(), counts.done.end(), id) != counts.done.end() ||
           std::any_of(waiting.begin(), waiting.end(), [&](const Waiting& w) { return w.message.id == id; });
}

} // namespace

Outbox::Outbox(fs::path folder, std::vector<Channel> channels, Deliver deliver)
    : folder_(std::move(folder)), channels_(std::move(channels)), deliver_(std::move(deliver)) {}

void Outbox::put(const Message& message, const std::set<std::string>& but_for) {
    Waiting waiting{.file = folder_ / file_name(message), .message = short_enough(message), .channels = {}};
    for (const auto& channel : channels_)
        if (wants(channel, message) && !but_for.contains(channel.name))
            waiting.channels[channel.name] = {};
    if (waiting.channels.empty())
        return;
    try {
        make_folder(folder_);
        if (!is_known(folder_, message.id))
            save(waiting);
    } catch (const Error& error) {
        throw Error(ExitCode::failed, error.what(), error.remedy()).with("a notification can't be kept");
    }
}

std::vector<std::string> Outbox::deliver_at_once(const Message& message, std::set<std::string>& done) const {
    std::vector<std::string> told;
    const auto sent = short_enough(message);
    for (const auto& channel : channels_) {
        if (!wants(channel, message) || done.contains(channel.name))
            continue;
        try {
            deliver_(channel, sent);
            done.insert(channel.name);
        } catch (const std::exception& error) {
            told.push_back("notification \"" + one_line(sent.subject) + "\" failed by " +
                           one_line(error.what()));
        }
    }
    return told;
}

std::vector<std::string> Outbox::round(Time now, const std::stop_token& stop) {
    std::vector<std::string> told;
    try {
        std::error_code ignored;
        if (!fs::exists(folder_, ignored))
            return told;
        if (const auto lock = lock_of(folder_))
            OutboxRound(folder_, channels_, deliver_, now, stop, told).run();
    } catch (const std::exception& error) {
        told.push_back("notifications: " + one_line(error.what()));
    }
    return told;
}

NotificationStatus Outbox::status() const {
    const auto counts = counts_in(folder_, nullptr);
    NotificationStatus status{.sent = counts.sent, .failed = counts.failed, .waiting = 0};
    for (const auto& waiting : waiting_in(folder_, nullptr))
        status.waiting += waiting.channels.size();
    return status;
}

} // namespace miraclemax::telemetry
