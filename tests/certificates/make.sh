#!/bin/sh
# Makes the certificates that tests use, anew. They are good for a hundred years, and nobody trusts them.
set -eu
cd "$(dirname "$0")"
DAYS=36500

key_ec() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# sign NAME SUBJECT ISSUER EXTENSIONS...
sign() {
    name=$1 subject=$2 issuer=$3
    shift 3
    printf '%s\n' "$@" >extensions
    openssl req -new -key "$name.key" -subj "/CN=$subject" -out request
    openssl x509 -req -in request -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" \
        -days "$DAYS" -extfile extensions -out "$name.pem"
    rm -f request extensions
}

key_ec authority.key
openssl req -x509 -new -key authority.key -subj "/CN=Penstock tests" -days "$DAYS" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out authority.pem

key_ec shop.key
sign shop shop.test authority "subjectAltName=DNS:shop.test,DNS:*.shop.test"
key_ec renewed.key
sign renewed shop.test authority "subjectAltName=DNS:shop.test,DNS:*.shop.test"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.key 2>/dev/null
sign other other.test authority "subjectAltName=DNS:Other.test,DNS:cdn.other.test"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out shop_rsa.key 2>/dev/null
sign shop_rsa shop.test authority "subjectAltName=DNS:shop.test,DNS:*.shop.test"

# Its time was one day of 2020.
key_ec expired.key
: >index.txt
echo 01 >serial
cat >authority.conf <<'CONF'
[ca]
default_ca = tests
[tests]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
CONF
openssl req -new -key expired.key -subj "/CN=expired.test" -out request
echo "subjectAltName=DNS:expired.test" >extensions
openssl ca -batch -config authority.conf -cert authority.pem -keyfile authority.key -in request -notext \
    -startdate 20200101000000Z -enddate 20200102000000Z -extfile extensions -out expired.pem 2>/dev/null
rm -f request extensions authority.conf index.txt* serial* 01.pem

# Clients, and everything that can be wrong with them; the last authority may sign no authority below it.
CLIENT="extendedKeyUsage=clientAuth"
for name in client revoked server_only stranger long_chain; do key_ec "$name.key"; done
sign client alice authority "$CLIENT" "subjectAltName=DNS:alice.test,email:alice@shop.test,URI:spiffe://shop.test/alice"
sign revoked mallory authority "$CLIENT"
sign server_only server authority "extendedKeyUsage=serverAuth"
key_ec stranger_authority.key
openssl req -x509 -new -key stranger_authority.key -subj "/CN=Strangers" -days "$DAYS" \
    -addext "basicConstraints=critical,CA:TRUE" -out stranger_authority.pem
sign stranger stranger stranger_authority "$CLIENT"
issuer=authority
for level in 1 2 3 4 5 6 7 8; do
    key_ec "level$level.key"
    sign "level$level" "Level $level" "$issuer" "basicConstraints=critical,CA:TRUE"
    issuer="level$level"
done
sign long_chain deep level8 "$CLIENT"
cat level8.pem level7.pem level6.pem level5.pem level4.pem level3.pem level2.pem level1.pem >>long_chain.pem
rm -f level?.pem level?.key stranger_authority.key

# Out of their time, and the list of those revoked.
: >index.txt
echo 02 >serial
echo 01 >number
cat >authority.conf <<'CONF'
[ca]
default_ca = tests
[tests]
database = index.txt
serial = serial
crlnumber = number
new_certs_dir = .
default_md = sha256
default_crl_days = 36500
policy = any
[any]
commonName = supplied
CONF
early_or_late() {
    key_ec "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out request
    echo "$CLIENT" >extensions
    openssl ca -batch -config authority.conf -cert authority.pem -keyfile authority.key -in request -notext \
        -startdate "$2" -enddate "$3" -extfile extensions -out "$1.pem" 2>/dev/null
}
early_or_late client_expired 20200101000000Z 20200102000000Z
early_or_late client_early 21000101000000Z 21000102000000Z
openssl ca -config authority.conf -cert authority.pem -keyfile authority.key -revoke revoked.pem 2>/dev/null
openssl ca -config authority.conf -cert authority.pem -keyfile authority.key -gencrl -out revoked.crl 2>/dev/null
rm -f request extensions authority.conf index.txt* serial* number* 0?.pem

openssl pkey -in shop.key -aes256 -passout pass:word -out encrypted.key
rm -f ./*.srl

# What the authority says of the shop's certificate: that it is good, and that it is not.
shop_serial=$(openssl x509 -in shop.pem -noout -serial | cut -d= -f2)
printf 'V\t21260101000000Z\t\t%s\tunknown\t/CN=shop.test\n' "$shop_serial" >index.txt
openssl ocsp -index index.txt -CA authority.pem -rsigner authority.pem -rkey authority.key -issuer authority.pem \
    -cert shop.pem -ndays 36500 -respout answer -no_nonce
openssl base64 -in answer -out shop.ocsp
printf 'R\t21260101000000Z\t260101000000Z\t%s\tunknown\t/CN=shop.test\n' "$shop_serial" >index.txt
openssl ocsp -index index.txt -CA authority.pem -rsigner authority.pem -rkey authority.key -issuer authority.pem \
    -cert shop.pem -ndays 36500 -respout answer -no_nonce
openssl base64 -in answer -out shop_revoked.ocsp
rm -f answer index.txt*
