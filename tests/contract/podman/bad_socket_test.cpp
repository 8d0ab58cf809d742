// A socket that is missing, forbidden, dead, no socket, or not podman's.
#include "contract/podman/trial.hpp"
#include "fakes/http_server.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace miraclemax::podman {
namespace {

using fakes::HttpServer;
using ::testing::AllOf;
using ::testing::HasSubstr;

HttpServer::Handler sends(std::string bytes) {
    return
        [bytes = std::move(bytes)](HttpServer::Peer& peer, const HttpServer::Request&) { peer.send(bytes); };
}

TEST(BadSocket, Missing) {
    const Folder folder;
    const auto outcome = outcome_of([&] { (void)connect(quick(folder.socket())); });
    EXPECT_EQ(outcome.code, ExitCode::podman);
    EXPECT_THAT(outcome.message, AllOf(HasSubstr(folder.socket()), HasSubstr("does not exist")));
    EXPECT_THAT(outcome.remedy,
                AllOf(HasSubstr("systemctl enable --now podman.socket"), HasSubstr("folder")));
    EXPECT_THAT(outcome_of([] { (void)connect(quick("/no/such/folder/sock")); }).message,
                HasSubstr("folder"));
}

TEST(BadSocket, AFileOrAFolder) {
    const Folder folder;
    std::ofstream(folder.socket()) << "hello";
    EXPECT_THAT(outcome_of([&] { (void)connect(quick(folder.socket())); }).message,
                HasSubstr("is not a socket"));
    EXPECT_THAT(outcome_of([&] { (void)connect(quick(folder.path())); }).message,
                HasSubstr("is not a socket"));
}

TEST(BadSocket, NobodyListens) {
    const Folder folder;
    { const HttpServer server(folder.socket(), sends("")); }
    const auto outcome = outcome_of([&] { (void)connect(quick(folder.socket())); });
    EXPECT_EQ(outcome.code, ExitCode::podman);
    EXPECT_THAT(outcome.message, HasSubstr("nobody listens"));
    EXPECT_THAT(outcome.remedy, HasSubstr("mount the socket's folder"));
}

// For what can do without podman: absent is another thing than ill.
TEST(BadSocket, IsAbsentOrIll) {
    const Folder folder;
    const auto socket = folder.socket();
    EXPECT_THROW((void)connect(quick(socket)), NotThere);
    EXPECT_THROW((void)connect(quick("/no/such/folder/sock")), NotThere);
    EXPECT_THROW((void)connect(quick(folder.path())), NotThere);
    { const HttpServer server(socket, sends("")); }
    EXPECT_THROW((void)connect(quick(socket)), NotThere);
    EXPECT_THROW((void)connect_on_use(quick(socket))->volumes(), NotThere);
    for (const auto& answer : {std::string("no HTTP"), HttpServer::answer(500, "busy", "text/plain"),
                               HttpServer::answer(200, "OK", "text/plain")}) {
        const Folder other;
        const HttpServer server(other.socket(), sends(answer));
        EXPECT_NO_THROW({
            try {
                (void)connect(quick(other.socket()));
                ADD_FAILURE() << "connected";
            } catch (const NotThere&) {
                throw;
            } catch (const Error&) { // it is there
            }
        });
    }
}

// As many as its queue takes wait to be taken: the next finds no room, but it is there.
TEST(BadSocket, AFullQueueIsNoAbsence) {
    const Folder folder;
    const auto socket = folder.socket();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    const auto open = [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); };
    std::vector<int> all{open()};
    ASSERT_EQ(::bind(all.front(), where, sizeof(address)), 0);
    ASSERT_EQ(::listen(all.front(), 0), 0);
    do
        all.push_back(open());
    while (::connect(all.back(), where, sizeof(address)) == 0);
    const auto outcome = outcome_of([&] { (void)connect(quick(socket)); });
    EXPECT_EQ(outcome.code, ExitCode::podman);
    EXPECT_THAT(outcome.message, HasSubstr("takes no connection"));
    for (const int each : all)
        ::close(each);
}

TEST(BadSocket, TooLong) {
    EXPECT_THAT(outcome_of([] { (void)connect(quick("/" + std::string(200, 'x'))); }).message,
                HasSubstr("too long"));
}

TEST(BadSocket, NotPodman) {
    const Folder folder;
    const HttpServer server(folder.socket(), sends(HttpServer::answer(200, "OK", "text/plain")));
    const auto outcome = outcome_of([&] { (void)connect(quick(folder.socket())); });
    EXPECT_EQ(outcome.code, ExitCode::podman);
    EXPECT_THAT(outcome.message, HasSubstr("is not podman"));
}

TEST(BadSocket, TooOldAPodman) {
    for (const std::string version : {"3.4.4", "2.0.0", "x"}) {
        const Folder folder;
        const HttpServer server(folder.socket(), HttpServer::podman(sends(""), version));
        EXPECT_THAT(outcome_of([&] { (void)connect(quick(folder.socket())); }).message,
                    AllOf(HasSubstr("too old"), HasSubstr(version)));
    }
    for (const std::string version : {"4.0.0", "4.3.1", "5.4.2", "10.0.0-dev"}) {
        const Folder folder;
        const HttpServer server(folder.socket(), HttpServer::podman(sends(""), version));
        EXPECT_EQ(outcome_of([&] { (void)connect(quick(folder.socket())); }).message, "") << version;
    }
}

// Root may use every socket, so the attempt is made by somebody else, in a process of its own.
TEST(BadSocket, Forbidden) {
    const Folder folder;
    const HttpServer server(folder.socket(), HttpServer::podman(sends("")));
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(folder.socket().c_str(), ::geteuid() == 0 ? 0600 : 0), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (::geteuid() == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0))
            ::_exit(3);
        const auto outcome = outcome_of([&] { (void)connect(quick(folder.socket())); });
        const bool right =
            outcome.code == ExitCode::podman && outcome.message.find("denied") != std::string::npos &&
            outcome.message.find(folder.socket()) != std::string::npos && !outcome.remedy.empty();
        ::_exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
} // namespace miraclemax::podman
