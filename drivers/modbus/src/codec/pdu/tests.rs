use super::*;
use proptest::prelude::*;

fn any_table() -> impl Strategy<Value = Table> {
    prop_oneof![Just(Table::Coil), Just(Table::Discrete), Just(Table::Holding), Just(Table::Input)]
}

fn any_request() -> impl Strategy<Value = Request> {
    let words = |most: u16| prop::collection::vec(any::<u16>(), 1..=usize::from(most));
    prop_oneof![
        (any_table(), any::<u16>(), any::<u16>()).prop_map(|(table, start, n)| Request::Read {
            table,
            start,
            count: 1 + n % table.most()
        }),
        (any::<u16>(), any::<bool>()).prop_map(|(address, on)| Request::WriteCoil { address, on }),
        (any::<u16>(), any::<u16>()).prop_map(|(address, value)| Request::WriteRegister { address, value }),
        (any::<u16>(), prop::collection::vec(any::<bool>(), 1..=usize::from(MAX_WRITE_BITS)))
            .prop_map(|(start, values)| Request::WriteCoils { start, values }),
        (any::<u16>(), words(MAX_WRITE_REGISTERS))
            .prop_map(|(start, values)| Request::WriteRegisters { start, values }),
        (any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(address, and, or)| Request::Mask { address, and, or }),
        (any::<u16>(), 1..=MAX_READ_REGISTERS, any::<u16>(), words(MAX_EXCHANGE_REGISTERS)).prop_map(
            |(read_start, read_count, write_start, values)| Request::Exchange {
                read_start,
                read_count,
                write_start,
                values
            }
        ),
    ]
}

fn any_response() -> impl Strategy<Value = Response> {
    let words = || prop::collection::vec(any::<u16>(), 1..=usize::from(MAX_READ_REGISTERS));
    prop_oneof![
        (any::<bool>(), prop::collection::vec(any::<u8>(), 1..=250)).prop_map(|(coil, packed)| Response::Bits {
            table: if coil { Table::Coil } else { Table::Discrete },
            packed
        }),
        (any::<bool>(), words()).prop_map(|(holding, values)| Response::Registers {
            table: if holding { Table::Holding } else { Table::Input },
            values
        }),
        (any::<u16>(), any::<bool>()).prop_map(|(address, on)| Response::WroteCoil { address, on }),
        (any::<u16>(), any::<u16>()).prop_map(|(address, value)| Response::WroteRegister { address, value }),
        (any::<u16>(), 1..=MAX_WRITE_BITS).prop_map(|(start, count)| Response::WroteCoils { start, count }),
        (any::<u16>(), 1..=MAX_WRITE_REGISTERS).prop_map(|(start, count)| Response::WroteRegisters { start, count }),
        (any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(address, and, or)| Response::Masked { address, and, or }),
        words().prop_map(|values| Response::Exchanged { values }),
        (0_u8..0x80, any::<u8>())
            .prop_map(|(function, code)| Response::Refused { function, exception: Exception(code) }),
    ]
}

proptest! {
    #[test]
    fn a_question_comes_back_as_it_was_asked(request in any_request()) {
        let mut pdu = Vec::new();
        request.encode(&mut pdu);
        prop_assert!(pdu.len() <= crate::codec::MAX_PDU);
        prop_assert_eq!(Request::decode(&pdu), Ok(request));
    }

    #[test]
    fn an_answer_comes_back_as_it_was_given(response in any_response()) {
        let mut pdu = Vec::new();
        response.encode(&mut pdu);
        prop_assert!(pdu.len() <= crate::codec::MAX_PDU);
        prop_assert_eq!(Response::decode(&pdu), Ok(response));
    }

    #[test]
    fn no_bytes_make_the_decoders_panic_and_what_they_take_is_what_was_said(
        pdu in prop::collection::vec(any::<u8>(), 0..260),
    ) {
        let mut again = Vec::new();
        if let Ok(response) = Response::decode(&pdu) {
            response.encode(&mut again);
            prop_assert_eq!(&again, &pdu);
        }
        again.clear();
        // The last byte of coils is filled up with what the device ignores.
        if let Ok(request) = Request::decode(&pdu) && request.function() != 15 {
            request.encode(&mut again);
            prop_assert_eq!(&again, &pdu);
        }
    }
}

#[test]
fn a_pdu_of_a_wrong_length_is_refused() {
    for (pdu, why) in [
        (&[][..], "it is empty"),
        (&[3], "1 bytes do not fit function 3"),
        (&[3, 4, 0, 1], "4 bytes do not fit function 3"),
        (&[3, 3, 0, 1, 2], "5 bytes do not fit function 3"),
        (&[3, 2, 0, 1, 9], "5 bytes do not fit function 3"),
        (&[3, 0], "2 bytes do not fit function 3"),
        (&[6, 0, 1, 0], "4 bytes do not fit function 6"),
        (&[5, 0, 1, 0, 1], "1 is not allowed in function 5"),
        (&[16, 0, 1, 0, 200], "200 is not allowed in function 16"),
        (&[43, 14], "function 43 is not known"),
        (&[0x83], "1 bytes do not fit function 131"),
    ] {
        assert_eq!(Response::decode(pdu).unwrap_err().to_string(), why);
    }
}
