//! Members that are kept in a box: large, optional, and part of what a list holds. A list's item takes little of the
//! wire without them, and must take little memory then.

use crate::merge::{Shape, Type};
use crate::schema::Kind;

const BOXED: [(&str, &str); 3] =
    [("OBUPaymentInfoType1", "sysInfo"), ("OBUPaymentInfoType1", "vehicleInfo"), ("PaymentInfoType1", "tollInfo")];

/// Puts them there.
pub(crate) fn put(types: &mut [Type]) {
    for (name, member) in BOXED {
        let of_type = types.iter_mut().find(|t| t.name == name).map(|t| &mut t.shape);
        let Some(Shape::Sequence { members, .. }) = of_type else { panic!("no SEQUENCE `{name}`") };
        let kind = members.iter_mut().find(|m| m.field == member).map(|m| &mut m.kind);
        match kind {
            Some(kind @ Kind::Named(_)) => *kind = Kind::Boxed(Box::new(kind.clone())),
            _ => panic!("`{name}` has no `{member}` that could be boxed"),
        }
    }
}
