//! How are the standard's string-valued states written? One macro gives an enumeration, its keywords and the way back.

/// Declares an enumeration whose members are keywords of the standard, with `ALL`, `as_str`, `from_keyword` and `Display`.
macro_rules! keywords {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$doc])* #[doc = concat!("\n\nKeyword: `", $text, "`.")] $member,)+ }

        impl $name {
            /// Every member, in the order of the standard.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The keyword, spelled as in the standard.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }

            /// The member with this keyword (compared byte for byte), if there is one.
            #[must_use]
            pub fn from_keyword(keyword: &str) -> Option<Self> {
                match keyword { $($text => Some(Self::$member),)+ _ => None }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use keywords;
