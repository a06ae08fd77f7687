//! What the hosts say when a move fails.

use super::{Language, Side};

/// What the hosts say when a move fails. Several causes share one: that is the point of the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 0x8009030E: no delegation, or CredSSP without a sign-in on the source.
    NoCredentials,
    /// 0x80070005, which means anything.
    AccessDenied,
    /// 0x8007274C.
    TimedOut,
    /// 0x8007274D.
    Refused,
    /// 0x80072746, in the middle of the copy.
    Reset,
    /// 0x80090324.
    ClockSkew,
    /// 0x80090303.
    UnknownTarget,
    /// 0x80090322: the target can't read a ticket that was made for another account.
    WrongPrincipal,
    /// 0x80090311: no domain controller answers.
    NoAuthority,
    /// 0x80090342.
    UnknownEncryption,
    /// 0x8007052E.
    LogonFailure,
    /// 0x8009030C, which says no more.
    LogonDenied,
    /// 0x8007052F.
    AccountRestricted,
    /// 0x8007078F.
    SelectiveAuthentication,
    /// 0x80072AF9.
    UnknownName,
    /// 0x80071398: the cluster does not let the destination own the role.
    NotOwner,
    /// No code: as many moves run as the host allows.
    LimitReached,
    /// 0x8007274D at the source; the destination says that it disabled its listener.
    ListenerOff,
    /// 0x80070569 on the destination.
    UserRight,
    /// 0x8007000E on the destination.
    OutOfMemory,
    /// 0x800705AA on the destination.
    NoResources,
    /// No code: the destination has no switch of that name.
    MissingSwitch,
    /// No code: the destination lacks processor features.
    Processor,
    /// 0x80070020 on the destination: someone else holds the disk.
    SharingViolation,
    /// 0xC03A0014 on the destination: an image that it has no provider for.
    MissingMedia,
    /// No code: the destination does not know the configuration version.
    OldVersion,
    /// No code: the destination can't unwrap the key protector of a virtual TPM.
    KeyProtector,
    /// 0x80070003 on the destination, at the end: it finds no place for the configuration.
    NotRegistered,
}

/// Milliseconds after which a connection that never comes about has failed.
const CONNECTING: i64 = 1_750;
/// Milliseconds after which the destination, which prepares before the copy, has refused.
const ARRIVING: i64 = 6_300;

/// What is said of one fault.
struct Said {
    fault: Fault,
    /// The code that the messages end with; 0 where there is none.
    code: u32,
    /// The end that reports it.
    side: Side,
    /// Milliseconds after the start.
    delay: i64,
    /// The system's message for the code.
    message: &'static str,
}

const SAID: &[Said] = &[
    Said {
        fault: Fault::NoCredentials,
        code: 0x8009_030E,
        side: Side::Source,
        delay: CONNECTING,
        message: "No credentials are available in the security package",
    },
    Said {
        fault: Fault::AccessDenied,
        code: 0x8007_0005,
        side: Side::Source,
        delay: CONNECTING,
        message: "General access denied error",
    },
    Said {
        fault: Fault::TimedOut,
        code: 0x8007_274C,
        side: Side::Source,
        delay: 21_400,
        message: "A connection attempt failed because the connected party did not properly respond after a \
                period of time, or established connection failed because connected host has failed to respond.",
    },
    Said {
        fault: Fault::Refused,
        code: 0x8007_274D,
        side: Side::Source,
        delay: CONNECTING,
        message: "No connection could be made because the target machine actively refused it.",
    },
    Said {
        fault: Fault::Reset,
        code: 0x8007_2746,
        side: Side::Source,
        delay: 254_000,
        message: "An existing connection was forcibly closed by the remote host.",
    },
    Said {
        fault: Fault::ClockSkew,
        code: 0x8009_0324,
        side: Side::Source,
        delay: CONNECTING,
        message: "The clocks on the client and server machines are skewed.",
    },
    Said {
        fault: Fault::UnknownTarget,
        code: 0x8009_0303,
        side: Side::Source,
        delay: CONNECTING,
        message: "The specified target is unknown or unreachable",
    },
    Said {
        fault: Fault::WrongPrincipal,
        code: 0x8009_0322,
        side: Side::Source,
        delay: CONNECTING,
        message: "The target principal name is incorrect.",
    },
    Said {
        fault: Fault::NoAuthority,
        code: 0x8009_0311,
        side: Side::Source,
        delay: CONNECTING,
        message: "No authority could be contacted for authentication.",
    },
    Said {
        fault: Fault::UnknownEncryption,
        code: 0x8009_0342,
        side: Side::Source,
        delay: CONNECTING,
        message: "The encryption type requested is not supported by the KDC.",
    },
    Said {
        fault: Fault::LogonFailure,
        code: 0x8007_052E,
        side: Side::Source,
        delay: CONNECTING,
        message: "The user name or password is incorrect.",
    },
    Said {
        fault: Fault::LogonDenied,
        code: 0x8009_030C,
        side: Side::Source,
        delay: CONNECTING,
        message: "The logon attempt failed",
    },
    Said {
        fault: Fault::AccountRestricted,
        code: 0x8007_052F,
        side: Side::Source,
        delay: CONNECTING,
        message: "Account restrictions are preventing this user from signing in.",
    },
    Said {
        fault: Fault::SelectiveAuthentication,
        code: 0x8007_078F,
        side: Side::Source,
        delay: CONNECTING,
        message: "The computer you are signing into is protected by an authentication firewall. The specified account is \
                not allowed to authenticate to the computer.",
    },
    Said {
        fault: Fault::UnknownName,
        code: 0x8007_2AF9,
        side: Side::Source,
        delay: CONNECTING,
        message: "No such host is known.",
    },
    Said {
        fault: Fault::NotOwner,
        code: 0x8007_1398,
        side: Side::Source,
        delay: CONNECTING,
        message: "The operation failed because either the specified cluster node is not the owner of the group, or the node \
                is not a possible owner of the group.",
    },
    Said { fault: Fault::LimitReached, code: 0, side: Side::Source, delay: CONNECTING, message: "" },
    Said {
        fault: Fault::ListenerOff,
        code: 0x8007_274D,
        side: Side::Source,
        delay: CONNECTING,
        message: "No connection could be made because the target machine actively refused it.",
    },
    Said {
        fault: Fault::UserRight,
        code: 0x8007_0569,
        side: Side::Destination,
        delay: ARRIVING,
        message: "Logon failure: the user has not been granted the requested logon type at this computer.",
    },
    Said {
        fault: Fault::OutOfMemory,
        code: 0x8007_000E,
        side: Side::Destination,
        delay: ARRIVING,
        message: "Ran out of memory",
    },
    Said {
        fault: Fault::NoResources,
        code: 0x8007_05AA,
        side: Side::Destination,
        delay: ARRIVING,
        message: "Insufficient system resources exist to complete the requested service.",
    },
    Said { fault: Fault::MissingSwitch, code: 0, side: Side::Source, delay: CONNECTING, message: "" },
    Said { fault: Fault::Processor, code: 0, side: Side::Destination, delay: CONNECTING, message: "" },
    Said {
        fault: Fault::SharingViolation,
        code: 0x8007_0020,
        side: Side::Destination,
        delay: ARRIVING,
        message: "The process cannot access the file because it is being used by another process.",
    },
    Said {
        fault: Fault::MissingMedia,
        code: 0xC03A_0014,
        side: Side::Destination,
        delay: ARRIVING,
        message: "A virtual disk support provider for the specified file was not found.",
    },
    Said { fault: Fault::OldVersion, code: 0, side: Side::Destination, delay: ARRIVING, message: "" },
    Said { fault: Fault::KeyProtector, code: 0, side: Side::Destination, delay: ARRIVING, message: "" },
    Said {
        fault: Fault::NotRegistered,
        code: 0x8007_0003,
        side: Side::Destination,
        delay: 282_000,
        message: "The system cannot find the path specified.",
    },
];

impl Fault {
    /// Every fault.
    pub fn all() -> impl Iterator<Item = Self> {
        SAID.iter().map(|said| said.fault)
    }

    fn said(self) -> Option<&'static Said> {
        SAID.iter().find(|said| said.fault == self)
    }

    /// The code that the messages end with.
    #[must_use]
    pub fn code(self) -> Option<u32> {
        self.said().map(|said| said.code).filter(|code| *code != 0)
    }

    /// The end that reports it.
    #[must_use]
    pub fn side(self) -> Side {
        self.said().map_or(Side::Source, |said| said.side)
    }

    /// Whether the connection between the hosts never came about.
    #[must_use]
    pub fn prevents_connection(self) -> bool {
        !matches!(self, Self::Reset | Self::MissingSwitch) && self.side() == Side::Source
    }

    /// How long after its start a move fails, in milliseconds.
    #[must_use]
    pub fn delay(self) -> i64 {
        self.said().map_or(CONNECTING, |said| said.delay)
    }

    /// The system's message for the code.
    #[must_use]
    pub fn message(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NoCredentials, Language::German) => {
                "Im Sicherheitspaket sind keine Anmeldeinformationen verfügbar"
            }
            _ => self.said().map_or("", |said| said.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_said_once() {
        let all: Vec<_> = Fault::all().collect();
        let twice = all.iter().enumerate().find(|(at, fault)| all[at + 1..].contains(fault));
        assert_eq!(twice, None);
        assert_eq!(all.last(), Some(&Fault::NotRegistered), "the last one declared");
    }
}
